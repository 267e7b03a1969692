const PREFIX = 'forgotten:';

/**
 * True for an alias, which replaces an erased user id. Nothing that we know of the person today can be compared with
 * it.
 */
export function isAlias(userId: string | null): boolean {
  return userId?.startsWith(PREFIX) === true;
}
