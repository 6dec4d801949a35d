/** By which column a table is sorted. */
export interface Sort<Column extends string> {
  by: Column
  isDescending: boolean
}

/** The rows by one of their values, and by their names where these are the same. */
export function sorted<Row>(
  rows: readonly Row[],
  valueFrom: (row: Row) => string | number,
  nameFrom: (row: Row) => string,
  isDescending: boolean,
): Row[] {
  const sign = isDescending ? -1 : 1
  const compare = (one: string | number, other: string | number) =>
    one < other ? -1 : one > other ? 1 : 0
  return rows
    .map((row) => ({ row, value: valueFrom(row) }))
    .sort(
      (one, other) =>
        sign * compare(one.value, other.value) || compare(nameFrom(one.row), nameFrom(other.row)),
    )
    .map(({ row }) => row)
}
