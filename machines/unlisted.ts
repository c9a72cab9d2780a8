/**
 * Takes the properties of a public object off its list: they stay what they are and can't be enumerated. XState persists a
 * context by walking all that can be listed in it, without end where objects lead to each other, and serializers do the same;
 * whatever an application may keep in its machine's context must end there. Events of our own charts carry charts, and what proves a
 * session, in properties that are not listed either, so that no inspector sends them anywhere. It takes 20 µs for a dozen properties:
 * what there is many of has `#private` fields instead.
 */
export function unlisted<T extends object>(object: T, keys: readonly string[] = Object.keys(object)): T {
  for (const key of keys) Object.defineProperty(object, key, { enumerable: false });
  return object;
}
