/** A member name as a JSON Pointer token (RFC 6901), cut so that an answer cannot be made large by a request. */
export function pointer (key: string) {
  return key.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1')
}
