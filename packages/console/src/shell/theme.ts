import { computed, type InjectionKey, inject, onScopeDispose, provide, ref, watchEffect } from 'vue'
import { store, stored } from '../parts/storage.js'

/** What was chosen: the system's own, or one of the two. */
export type Theme = 'auto' | 'light' | 'dark'

const KEY: InjectionKey<ReturnType<typeof createTheme>> = Symbol('theme')

const NEXT = { auto: 'light', light: 'dark', dark: 'auto' } as const

export function provideTheme(): ReturnType<typeof createTheme> {
  const theme = createTheme()
  provide(KEY, theme)
  return theme
}

export function useTheme(): ReturnType<typeof createTheme> {
  const theme = inject(KEY)
  if (!theme) throw new Error('the theme is provided by the application')
  return theme
}

function createTheme() {
  const system = matchMedia('(prefers-color-scheme: dark)')
  const isSystemDark = ref(system.matches)
  const follow = () => {
    isSystemDark.value = system.matches
  }
  system.addEventListener('change', follow)
  onScopeDispose(() => system.removeEventListener('change', follow))

  const known = stored('theme')
  const chosen = ref<Theme>(known === 'light' || known === 'dark' ? known : 'auto')
  watchEffect(() => {
    document.documentElement.dataset['theme'] = chosen.value
  })
  /** What it comes to: light or dark. */
  const shown = computed(() => {
    if (chosen.value !== 'auto') return chosen.value
    return isSystemDark.value ? 'dark' : 'light'
  })
  function turn(): void {
    chosen.value = NEXT[chosen.value]
    store('theme', chosen.value)
  }
  return { chosen, shown, turn }
}
