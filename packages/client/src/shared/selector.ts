/** Whether a topic is one, or matches the pattern. */
export function matches(selector: string, topic: string): boolean {
  if (!selector.includes('*')) return selector === topic
  const pattern = selector.split('/')
  const segments = topic.split('/')
  const open = pattern.at(-1) === '**'
  if (open) pattern.pop()
  const fits = pattern.every(
    (part, at) => at < segments.length && (part === '*' || part === segments[at]),
  )
  // The hub's own topics are never meant by a pattern that begins with a wildcard.
  const own = segments[0] === 'tidings' && selector.startsWith('*')
  return fits && !own && (open || pattern.length === segments.length)
}
