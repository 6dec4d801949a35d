import { onScopeDispose, type Ref, ref } from 'vue'

/** The time in milliseconds, moving on in steps. */
export function useNow(step = 1000): Readonly<Ref<number>> {
  const now = ref(Date.now())
  const timer = setInterval(() => {
    now.value = Date.now()
  }, step)
  onScopeDispose(() => clearInterval(timer))
  return now
}
