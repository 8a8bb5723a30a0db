/**
 * bcrypt, whose code is loaded with the first password.
 *
 * @module
 */

/**
 * Checks in turns, with 100 ms of work at a time: for a thread that has other
 * things to do, and no other thread to do them.
 */
export async function checkPassword(
  password: string,
  hash: string,
): Promise<boolean> {
  const { compare } = await import("bcryptjs");
  return await compare(password, hash);
}

/** Checks in one go: for a thread of its own. */
export async function checkAway(
  password: string,
  hash: string,
): Promise<boolean> {
  const { compareSync } = await import("bcryptjs");
  return compareSync(password, hash);
}
