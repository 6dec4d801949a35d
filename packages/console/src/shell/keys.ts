import { onScopeDispose } from 'vue'

/** What keys do, by their names as a browser gives them; two in a row are written `g t`. */
export type Keys = Record<string, (event: KeyboardEvent) => void>

/** The second key of two has to come within so many milliseconds. */
const TOGETHER = 1200

/** Has keys do something while the scope lives, except where somebody types. */
export function useKeys(keys: Keys): void {
  let first = ''
  let pressedAt = 0

  function onKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.target instanceof Element && isTaken(event.target, event.key)) return
    const pair = event.timeStamp - pressedAt < TOGETHER ? `${first} ${event.key}` : ''
    first = event.key
    pressedAt = event.timeStamp
    const action = keys[pair] ?? keys[event.key]
    if (!action) return
    event.preventDefault()
    action(event)
  }

  document.addEventListener('keydown', onKey)
  onScopeDispose(() => document.removeEventListener('keydown', onKey))
}

/** Whether what has the focus needs the key itself. */
function isTaken(element: Element, key: string): boolean {
  if (element.closest('dialog')) return true
  if (element.matches('input:not([type="checkbox"]), textarea, select')) return true
  return key === ' ' && element.matches('button, a, input, summary')
}
