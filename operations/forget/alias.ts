const PREFIX = 'forgotten:';

/** True for what stands in the place of a user id that was erased: what is known of the person now is not comparable with it. */
export function isAlias(userId: string | null): boolean {
  return userId?.startsWith(PREFIX) === true;
}
