/**
 * Real servers for tests and the demo, each on free ports of 127.0.0.1 and each ended with the process that
 * started it, however that ends.
 */
export { startConsul, type ConsulOptions, type ConsulServer } from './consul';
export { askHttp, type Answer, type Request } from './http';
export {
  startKubeApi,
  type KubeApiOptions,
  type KubeApiServer,
  type ServiceAccountIdentity,
} from './kube-api';
export type { RestartableServer, RunningServer, StartOptions } from './launch';
export {
  startNginxInstance,
  startNginxInstances,
  type NginxFault,
  type NginxInstance,
  type NginxOptions,
} from './nginx';
export { freePorts } from './ports';
export { findNginx, serverPaths, serverVersions, syncerServerPaths, type ServerPaths } from './server-paths';
export { startServers, type ServerSet, type ServerSetOptions } from './server-set';
export { startTemporal, type TemporalOptions, type TemporalServer } from './temporal';
export { startVaultDev, type VaultOptions, type VaultServer } from './vault';
export { startVaultCluster, type VaultCluster } from './vault-cluster';
export { startVaultFile, type VaultFileOptions, type VaultFileServer } from './vault-file';
export { baoPath, findBao, vaultKind, type VaultKind } from './vault-kind';
