import type { Names } from './names-in-code';

/** Every name that users' files and scripts, stored data or running workflows depend on. See frozen.test.ts. */
export const FROZEN: Names = {
  'Consul keys (below <syncPath><role>/)': words(`
    <…> any check- check-<…> done expiries/ feed/ index meta/ orphans/ schedule settled staging/ state unsaved
  `),
  'fields of what is stored': lines(`
    origin/state: v name mounts changedMounts? pending? manifest staged filter? include exclude feed? last?
    origin/feed: v receiver gaps why hints seen writtenMs worker? gapMs? listeners?
    origin/feed: listeners: kind connections lineMs?
    origin/feed/done: v fingerprint scan beganMs gaps mounts partial unproven? handled ends? lists nextMs doneMs
    destination/state: v name config considered mounts changedMounts? ownMounts parts? suspended? held? deletesOfDay? approved? orphans? count approved? expiries? nextMs? due? copies early moving? last?
    state: last: outcome finishedAt counts run?
    state: parts: role sides cluster namespace mounts syncPath transforms from to deletes? ignored? excluded?
    state: deletesOfDay: hourMs mounts deleted known
    state: held: count hash reason
    destination/settled: v rules buckets
    destination/orphans: of since
    schedule: v name fingerprint paused? stoppedAt? temporals? address namespace
  `),
  'memos in Temporal': lines(`
    schedule: v role clusters syncPaths addresses
    push: v cluster syncPath
    cycle: { outcome, ...counts }
  `),
  'configuration keys': words(`
    destination destination.consul destination.consul.address destination.consul.caFile
    destination.consul.certFile destination.consul.dc destination.consul.keyFile
    destination.consul.requestTimeout destination.consul.serverName destination.consul.token
    destination.deleteExcluded destination.exclude destination.include destination.mounts
    destination.numWorkers destination.onConflict destination.renewToken destination.syncPath
    destination.tick destination.timeout destination.transforms destination.transforms.from
    destination.transforms.name destination.transforms.to destination.vault destination.vault.address
    destination.vault.approle destination.vault.approle.path destination.vault.approle.role_id
    destination.vault.approle.secret_id destination.vault.authNamespace destination.vault.caFile
    destination.vault.certFile destination.vault.keyFile destination.vault.namespace
    destination.vault.requestTimeout destination.vault.serverName destination.vault.token ignoreDeletes
    log log.changes log.level log.type maxDeletes metrics metrics.listen name numBuckets origin origin.consul origin.consul.address
    origin.consul.caFile origin.consul.certFile origin.consul.dc origin.consul.keyFile
    origin.consul.requestTimeout origin.consul.serverName origin.consul.token origin.exclude
    origin.feed origin.feed.events origin.feed.fullScanEvery origin.feed.http
    origin.feed.http.certFile origin.feed.http.keyFile origin.feed.http.listen origin.feed.http.token
    origin.feed.socket origin.feed.socket.listen
    origin.include origin.mounts origin.numWorkers origin.renewToken origin.syncPath origin.tick
    origin.timeout origin.vault origin.vault.address origin.vault.approle origin.vault.approle.path
    origin.vault.approle.role_id origin.vault.approle.secret_id origin.vault.authNamespace
    origin.vault.caFile origin.vault.certFile origin.vault.keyFile origin.vault.namespace
    origin.vault.requestTimeout origin.vault.serverName origin.vault.token requestsPerSecond syncMetadata
    temporal temporal.address temporal.apiKeyFile temporal.namespace temporal.tls temporal.tls.caFile
    temporal.tls.certFile temporal.tls.keyFile temporal.tls.serverName
  `),
  'environment variables': words(`
    VSYNC_DESTINATION_CONSUL_ADDRESS VSYNC_DESTINATION_CONSUL_CAFILE VSYNC_DESTINATION_CONSUL_CERTFILE
    VSYNC_DESTINATION_CONSUL_DC VSYNC_DESTINATION_CONSUL_KEYFILE VSYNC_DESTINATION_CONSUL_REQUESTTIMEOUT
    VSYNC_DESTINATION_CONSUL_SERVERNAME VSYNC_DESTINATION_CONSUL_TOKEN VSYNC_DESTINATION_DELETEEXCLUDED
    VSYNC_DESTINATION_EXCLUDE VSYNC_DESTINATION_INCLUDE VSYNC_DESTINATION_MOUNTS
    VSYNC_DESTINATION_NUMWORKERS VSYNC_DESTINATION_ONCONFLICT VSYNC_DESTINATION_RENEWTOKEN
    VSYNC_DESTINATION_SYNCPATH VSYNC_DESTINATION_TICK VSYNC_DESTINATION_TIMEOUT
    VSYNC_DESTINATION_TRANSFORMS VSYNC_DESTINATION_VAULT_ADDRESS VSYNC_DESTINATION_VAULT_APPROLE_PATH
    VSYNC_DESTINATION_VAULT_APPROLE_ROLE_ID VSYNC_DESTINATION_VAULT_APPROLE_SECRET_ID
    VSYNC_DESTINATION_VAULT_AUTHNAMESPACE VSYNC_DESTINATION_VAULT_CAFILE VSYNC_DESTINATION_VAULT_CERTFILE
    VSYNC_DESTINATION_VAULT_KEYFILE VSYNC_DESTINATION_VAULT_NAMESPACE
    VSYNC_DESTINATION_VAULT_REQUESTTIMEOUT VSYNC_DESTINATION_VAULT_ROLE_ID
    VSYNC_DESTINATION_VAULT_SECRET_ID VSYNC_DESTINATION_VAULT_SERVERNAME VSYNC_DESTINATION_VAULT_TOKEN
    VSYNC_IGNOREDELETES VSYNC_LOG_CHANGES VSYNC_LOG_LEVEL VSYNC_LOG_TYPE VSYNC_MAXDELETES VSYNC_METRICS_LISTEN VSYNC_NAME VSYNC_NUMBUCKETS
    VSYNC_ORIGIN_CONSUL_ADDRESS VSYNC_ORIGIN_CONSUL_CAFILE VSYNC_ORIGIN_CONSUL_CERTFILE
    VSYNC_ORIGIN_CONSUL_DC VSYNC_ORIGIN_CONSUL_KEYFILE VSYNC_ORIGIN_CONSUL_REQUESTTIMEOUT
    VSYNC_ORIGIN_CONSUL_SERVERNAME VSYNC_ORIGIN_CONSUL_TOKEN VSYNC_ORIGIN_EXCLUDE VSYNC_ORIGIN_FEED_EVENTS VSYNC_ORIGIN_FEED_FULLSCANEVERY
    VSYNC_ORIGIN_FEED_HTTP_CERTFILE VSYNC_ORIGIN_FEED_HTTP_KEYFILE VSYNC_ORIGIN_FEED_HTTP_LISTEN
    VSYNC_ORIGIN_FEED_HTTP_TOKEN VSYNC_ORIGIN_FEED_SOCKET_LISTEN
    VSYNC_ORIGIN_INCLUDE
    VSYNC_ORIGIN_MOUNTS VSYNC_ORIGIN_NUMWORKERS VSYNC_ORIGIN_RENEWTOKEN VSYNC_ORIGIN_SYNCPATH
    VSYNC_ORIGIN_TICK VSYNC_ORIGIN_TIMEOUT VSYNC_ORIGIN_VAULT_ADDRESS VSYNC_ORIGIN_VAULT_APPROLE_PATH
    VSYNC_ORIGIN_VAULT_APPROLE_ROLE_ID VSYNC_ORIGIN_VAULT_APPROLE_SECRET_ID
    VSYNC_ORIGIN_VAULT_AUTHNAMESPACE VSYNC_ORIGIN_VAULT_CAFILE VSYNC_ORIGIN_VAULT_CERTFILE
    VSYNC_ORIGIN_VAULT_KEYFILE VSYNC_ORIGIN_VAULT_NAMESPACE VSYNC_ORIGIN_VAULT_REQUESTTIMEOUT
    VSYNC_ORIGIN_VAULT_ROLE_ID VSYNC_ORIGIN_VAULT_SECRET_ID VSYNC_ORIGIN_VAULT_SERVERNAME
    VSYNC_ORIGIN_VAULT_TOKEN VSYNC_REQUESTSPERSECOND VSYNC_SYNCMETADATA VSYNC_TEMPORAL_ADDRESS
    VSYNC_TEMPORAL_APIKEYFILE VSYNC_TEMPORAL_NAMESPACE VSYNC_TEMPORAL_TLS VSYNC_TEMPORAL_TLS_CAFILE
    VSYNC_TEMPORAL_TLS_CERTFILE VSYNC_TEMPORAL_TLS_KEYFILE VSYNC_TEMPORAL_TLS_SERVERNAME
  `),
  'options that override keys': words(`
    --destination.consul.address --destination.consul.dc --destination.vault.address
    --destination.vault.role_id --destination.vault.secret_id --destination.vault.token --log.level
    --log.type --origin.consul.address --origin.consul.dc --origin.vault.address --origin.vault.role_id
    --origin.vault.secret_id --origin.vault.token --temporal.address --temporal.namespace
  `),
  'commands and their own options': lines(`
    approve --mount --role --set --yes -c/--config
    check --json --role -c/--config
    completion
    config --from-vault-sync --json --role -c/--config
    destination --adopt -c/--config
    dev-server --db --port --ui-port
    origin --adopt -c/--config
    pause --reason --role -c/--config
    plan --apply-orphans --json --output -c/--config
    prune --orphans --set --yes -c/--config
    resume --reason --role -c/--config
    signal --role -c/--config
    start --adopt --role -c/--config
    status --json --role -c/--config
    stop --role -c/--config
    synced --at-least --json --verify --wait -c/--config
    syncer --json -c/--config
    trigger --role --wait -c/--config
    ui --listen --temporal-ui --token-file -c/--config
    verify --json --output --repair -c/--config
    worker -c/--config
  `),
  'ids and task queues in Temporal': words(`
    vsync-origin-NAME vsync-destination-NAME vsync-watch-NAME vsync-verify-NAME vsync-push-NAME vsync-origin-NAME:shared
    vsync-destination-NAME:shared
  `),
  'workflows, signals and updates': lines(`
    destinationCycle
    originCycle
    pushChanges
    verifyDestination
    watchOrigin
    signal originChanged
    update push
  `),
  'activities of an origin': words(`
    fetchMetadata listPaths preflight reportOutages saveSyncInfo
  `),
  'activities of a destination': words(`
    beginVerify copySecrets deleteOrphans diffIndices guardDeletes listExtras listFolders listUnpublished
    moveClaims preflight pushSecrets reportOutages saveSyncInfo verifySecrets wakeDestination watchIndex
  `),
  'steps of a cycle': words(`
    'preflight' 'finishSave' 'listPaths' 'fetchMetadata' 'saveSyncInfo' 'guardDeletes' 'copySecrets'
    'deleteOrphans' 'diffIndices' 'moveClaims'
  `),
  messages: lines(`
    Counts: Record<keyof typeof NO_COUNTS, number>
    PathFailure: path class at? to? with?
    CycleInput: v name fingerprint timeoutMs
    CycleResult: v outcome counts failures durationsMs note?
    ActivityInput: v fingerprint
    CycleReport: counts failures
    WithDispatchWidth: dispatchWidth?
    ReportOutagesInput: ...ActivityInput sinceMs
    ReportOutagesResult: v outages
    CycleActivities: reportOutages
    OriginPreflightResult: v pendingSave
    ListPathsResult: ...CycleReport ...Required<WithDispatchWidth> v manifest chunks indexRevision settingsIndexRevision? note?
    FetchMetadataInput: ...ActivityInput ...Pick<ListPathsResult, 'manifest'> chunk
    FetchMetadataResult: ...CycleReport ...WithDispatchWidth v staged? ends? nextEndMs?
    OriginSave: ...Pick<ListPathsResult, 'manifest' | 'indexRevision' | 'settingsIndexRevision'> staged outcome counts ends? nextEndMs?
    SaveOriginInput: ...ActivityInput save?
    SaveOriginResult: v writes
    OriginActivities: ...CycleActivities preflight listPaths fetchMetadata saveSyncInfo
    Mounts: mounts ownMounts
    DestinationPreflightResult: ...CycleReport ...Mounts v changedMounts changed lastCycle? { considered: string; outcome: Outcome } removeOrphans? expired?
    DiffIndicesInput: ActivityInput & Pick<DestinationPreflightResult, 'changed' | 'expired'>
    DiffIndicesResult: v considered? indexRevision move groups retained settingsRevision? unknownSettings? expiries? note?
    MoveClaimsInput: ActivityInput & Mounts
    MoveClaimsResult: v orphans
    GuardDeletesInput: ...ActivityInput ...Pick<Mounts, 'mounts'> buckets considered
    PendingDeletes: count hash reason
    GroupsOfWork: ...Required<WithDispatchWidth> groups
    GuardDeletesResult: v work? deletes pendingDeletes? approved? known candidates?
    CopySecretsInput: ...ActivityInput ...Pick<Mounts, 'mounts'> ...Pick<DiffIndicesResult, 'indexRevision'> ...Pick<GuardDeletesResult, 'deletes'> buckets considered expiries?
    RetainedInBucket: [id: number, retained: number]
    CopySecretsResult: ...CycleReport ...WithDispatchWidth v finished knownDifferences deleted expiries? oldestMs?
    DeleteOrphansInput: ...ActivityInput hash
    DeleteOrphansResult: CycleReport & { v: 1 }
    SaveDestinationInput: ...ActivityInput ...Mounts ...Pick<DestinationPreflightResult, 'changedMounts'> ...Pick<DiffIndicesResult, 'indexRevision' | 'settingsRevision' | 'expiries'> ...Pick<GuardDeletesResult, 'pendingDeletes' | 'known' | 'candidates'> ...Pick<CopySecretsResult, 'knownDifferences' | 'deleted'> buckets considered finished outcome counts approved newExpiries?
    SaveDestinationResult: v writes
    DestinationActivities: ...CycleActivities preflight diffIndices moveClaims guardDeletes copySecrets deleteOrphans saveSyncInfo
    VerifyInput: v name fingerprint
    VerifyCounts: Record<keyof typeof NO_FINDINGS, number>
    VerifyResult: v counts lists notes
    BeginVerifyResult: v groups numBuckets notes
    VerifyReport: v counts list?
    VerifySecretsInput: ...ActivityInput ...Pick<BeginVerifyResult, 'numBuckets'> buckets
    VerifySecretsResult: ...VerifyReport distrusted
    ListFoldersResult: v folders chunks unlisted
    ListExtrasInput: ...ActivityInput ...Pick<ListFoldersResult, 'folders'> chunk
    ListExtrasResult: ...VerifyReport ...Pick<ListFoldersResult, 'unlisted'> complete
    ListUnpublishedResult: ...VerifyReport notes
    VerifyActivities: beginVerify verifySecrets listFolders listExtras listUnpublished
    WatchInput: v name
    OriginChangedSignal: v
    WakeDestinationInput: v whileRunning
    WakeDestinationResult: v action maxWaitMs
    WatchActivities: watchIndex wakeDestination
    PushInput: v name
    PushedSecret: [path: string, version: number, updateTime: string]
    PushBatch: v secrets
    PushResult: v there left why?
    PushActivities: pushSecrets
  `),
  'failure types': words(`
    BucketTooLarge ConfigChanged Conflict ConsulForbidden ConsulRejected ConsulUnavailable Internal
    MountChanged MountMissing NotKv2 OriginInfoGone StoredInfoDamaged VaultForbidden VaultRejected
    VaultUnavailable WorkerShutdown
  `),
  'path classes': words(`
    absent cancelled collision conflict forbidden kept loop malformed mount-changed no-data-path no-mount
    only-copy outside-mounts overwritten rejected sealed stale throttled too-large torn-bucket unavailable
    waits-for-settings written-since
  `),
  outcomes: words(`
    cancelled failed held partial synced timed-out unchanged
  `),
  counts: words(`
    listed read added updated deleted settings skipped held unknown failed
  `),
  'counts of verify': words(`
    equal drift missing unpublished changed refused failed unknown orphan extra
  `),
  'kinds of findings': words(`
    changed drift extra failed missing orphan refused unknown unpublished
  `),
  'fields of --json': lines(`
    PlannedAction: 'add' | 'update' | 'compare' | 'settings' | 'delete' | 'hold' | 'unknown' | 'refuse'
    Planned: action path to? why
    Plan: name asOf { originAt?: string; config: string } planned held? orphans orphansHash? notes
    CycleStatus: workflowId runId startedAt outcome durationMs? counts? failures? note?
    Status: name role schedule at sync health vaults { origin: VaultStatus; destination?: VaultStatus } worker? paused pause? watch? nextCycleAt? skipped lastSuccessAt? cycles last? totals? published? changedMounts? held? expiries? { copies: number; early: number; nextAt?: string } orphans? push? feed? lag? unknown nextActions
    SyncVerdict: word since? why
    HealthVerdict: word since? reasons
    VaultStatus: address product? version? sealed? problem?
    WorkerStatus: queue polling
    PauseNote: reason by? at?
    SkippedRuns: overlap missed
    Totals: inStep toAdd toUpdate toDelete retained
    UnknownFact: what why
    NextAction: what why command changes
    words of status: in-step behind retained unknown ok degraded failing
    PushStatus: state last? { at: string; there: number; left: number; why?: string }
    FeedStatus: receivers scan { nextAt?: string; why?: string }
    ReceiverStatus: receiver worker? polls? listeners gap { count: number; why: string; at?: string } hints asOf
    Report: name counts findings notes
    Finding: kind path to? class? at? with?
    Repair: doubted left cycle?
    EndedCycle: workflowId result
    CheckResult: outcome? detail policy?
    Check: ...CheckResult outcome what
    SecretAnswer: path verdict destinations
    DestinationAnswer: name state detail version? to?
    SecretState: synced behind excluded refused deleted held differs failed timeout
    config role name keys
  `),
};

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

function lines(text: string): string[] {
  return text.trim().split(/\n\s*/);
}
