/**
 * Whether an event is a position or comes before it. Ids are opaque but for this: of two ids
 * `<epoch>-<sequence>` of one epoch the greater sequence is the later one. Of others it is unknown,
 * and the answer is no.
 */
export function isUpTo(id: string, position: string): boolean {
  const [, epoch, sequence] = FORM.exec(id) ?? []
  const [, same, last] = FORM.exec(position) ?? []
  return !!epoch && epoch === same && +(sequence as string) <= +(last as string)
}

const FORM = /^(.+)-(\d+)$/
