import type { Location } from '../../../rules/paths';
import { PathError } from '../../shared/failures';
import type { DestinationDeps } from './deps';

/** Returns where the secret of a path in sync info is at the origin. */
export function placeAtOrigin({ scope }: DestinationDeps, path: string): Location {
  const place = scope.placeAtOrigin(path);
  if (place === undefined) throw new PathError('outside-mounts', path);
  return place;
}

/** Returns where it belongs at the destination, after the transforms. */
export function placeAtDestination({ scope }: DestinationDeps, path: string): Location {
  const place = scope.placeAtDestination(path);
  if (place === undefined) throw new PathError('no-data-path', path);
  return place;
}
