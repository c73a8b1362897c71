import type { FeedDone, FeedRecord } from '../../sync-info/feed-record';

/** What the activities of an origin see of the receiver in their process. */
export interface FeedView {
  /** Whether a line about one of these requests (`request.id`) has arrived. */
  sawRequest(ids: readonly string[]): boolean;
  /** Its record as it would be written now; undefined before it has listened once. */
  own(): FeedRecord | undefined;
  /** What a cycle has published, after its save. */
  onPublished(done: FeedDone): void;
}
