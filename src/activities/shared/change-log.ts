import { activityInfo } from '@temporalio/activity';
import type { Logger } from '../../log';
import type { Location } from '../../rules/paths';

/** One secret that a cycle or a push has changed at the destination. */
export interface Change {
  readonly did: 'added' | 'updated' | 'deleted' | 'settings';
  /** Where it is at the destination. */
  readonly to: Location;
  /** Where it came from; undefined for a delete whose secret may be gone at the origin. */
  readonly from?: Location;
  /** The version that was written, or softly deleted; settings have none. */
  readonly version?: number;
}

/**
 * The audit of a destination (`log.changes`): one line for each secret that was written or deleted there, never a value.
 * A write whose answer was lost has its line when the next read shows that it has arrived.
 */
export class ChangeLog {
  constructor(
    private readonly log: Logger,
    /** Address of the destination's Vault. */
    private readonly vault: string,
  ) {}

  note({ did, to, from, version }: Change): void {
    const path = pasted(to);
    const origin = from === undefined ? undefined : pasted(from);
    const cycle = activityInfo().workflowExecution?.workflowId;
    const words = [
      `${did} ${path}${version === undefined ? '' : ` version ${version}`} at ${this.vault}`,
      ...(origin === undefined || origin === path ? [] : [`from ${origin}`]),
    ];
    this.log.info(
      { change: { did, path, version, from: origin }, vault: this.vault, cycle },
      words.join(' '),
    );
  }
}

/** As `vault kv` takes it: "secret/team/app". */
const pasted = ({ mount, rel }: Location): string => mount + rel;
