/**
 * Whether an event is a position or comes before it. Ids are opaque but for this: of two ids
 * `<epoch>-<sequence>` of one epoch the greater sequence is the later one. Of others it is unknown,
 * and the answer is no.
 */
export function isUpTo(id: string, position: string): boolean {
  const one = FORM.exec(id)
  const other = FORM.exec(position)
  return one?.[1] === other?.[1] && Number(one?.[2]) <= Number(other?.[2])
}

const FORM = /^(.+)-(\d+)$/
