import type { Why } from 'tidings'
import { computed, shallowRef } from 'vue'
import { store, stored } from '../parts/storage.js'

/**
 * Why somebody is asked to sign in: the hub wants credentials, does not take those it was shown, has
 * ended a stream for them, or others were wished for.
 */
export type Asked = 'missing' | 'refused' | 'token-expired' | 'revoked' | 'chosen'

export type Credentials = ReturnType<typeof createCredentials>

/** Where they are kept: a tab forgets them when it is closed, and no other tab sees them. */
const [NAME, PLACE] = ['credentials', 'sessionStorage'] as const

/**
 * What the page shows the hub. Whatever the hub refuses waits here until somebody has signed in, and
 * then goes on; `reload` begins the page anew.
 */
export function createCredentials(reload: () => void = () => location.reload()) {
  const text = shallowRef(stored(NAME, PLACE))
  const asked = shallowRef<Asked>()
  let renewed = Promise.resolve()
  let goOn = () => {}
  /** Whether there is something that these may not see. What was refused does not ask again. */
  let areShort = false
  /** A connection tells why it broke at each attempt until the next event. */
  const judged = new WeakSet<object>()

  /**
   * What to show next: other than `refused`, which the hub does not take, so it may be long until
   * there is any. Empty if there is nothing to show.
   */
  async function next(refused?: string, why: Asked = 'refused'): Promise<string> {
    if (refused !== undefined && refused === text.value) require(refused ? why : 'missing')
    await renewed
    return text.value
  }

  function require(why: Asked): void {
    if (!asked.value || asked.value === 'chosen') {
      renewed = new Promise((resolve) => {
        goOn = resolve
      })
      store(NAME, '', PLACE)
      asked.value = why
    }
    // That a request was refused says less than how a stream has ended.
    if (asked.value === 'refused') asked.value = why
  }

  /** The headers of a connection of the client. */
  function provider(): (why: Why) => Promise<Record<string, string>> {
    let shown: string | undefined
    return async ({ error }) => {
      const isNews = error && !judged.has(error)
      if (error) judged.add(error)
      if (isNews && error.status === 403) areShort = true
      const ended = isNews ? endOf(error) : undefined
      const isRefused = ended || (isNews && error.status === 401)
      shown = await next(isRefused ? shown : undefined, ended)
      return bearer(shown)
    }
  }

  return {
    /** Why somebody has to sign in, or wants to. */
    asked,
    isSignedIn: computed(() => text.value !== ''),
    next,
    provider,
    /** There is something that these may not see. */
    lack(): void {
      areShort = true
    },
    /** Asks for others, without need. */
    choose(): void {
      asked.value ??= 'chosen'
    },
    /** Goes on with those there are, if there was no need for others. */
    keep(): void {
      if (asked.value === 'chosen') asked.value = undefined
    },
    /** Goes on with these, which the hub has taken. */
    take(given: string): void {
      store(NAME, given, PLACE)
      if (asked.value === 'chosen' || areShort) {
        reload()
        return
      }
      text.value = given
      asked.value = undefined
      goOn()
    },
    /** Forgets them and all that they have shown. */
    signOut(): void {
      store(NAME, '', PLACE)
      reload()
    },
  }
}

/** Those of this page. */
export const credentials = createCredentials()

export function bearer(text: string): Record<string, string> {
  return text ? { authorization: `Bearer ${text}` } : {}
}

/** How a stream has ended, if that was for its credentials. */
function endOf(error: object): Asked | undefined {
  const { reason } = error as { reason?: string }
  return reason === 'token-expired' || reason === 'revoked' ? reason : undefined
}
