import { type InjectionKey, inject, onScopeDispose, provide, type Ref, ref } from 'vue'

/** What is shown. It is in the fragment of the address, so any path serves. */
export type Route =
  | { page: 'overview' }
  | { page: 'topics' }
  | { page: 'topic'; topic: string }
  | { page: 'connections'; topic: string; identity: string }
  | { page: 'executions'; status: string }
  | { page: 'execution'; id: string }
  | { page: 'playground'; topic: string }
  | { page: 'unknown' }

const KEY: InjectionKey<Readonly<Ref<Route>>> = Symbol('route')

export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#?\/?/, '').split(/\?(.*)/s)
  const [page, name, ...rest] = path.split('/').map(decoded)
  const query = new URLSearchParams(search)
  const field = (name: string) => query.get(name) ?? ''
  if (rest.length) return { page: 'unknown' }
  if (name) {
    if (page === 'topics') return { page: 'topic', topic: name }
    if (page === 'executions') return { page: 'execution', id: name }
    return { page: 'unknown' }
  }
  switch (page) {
    case '':
      return { page: 'overview' }
    case 'topics':
      return { page }
    case 'connections':
      return { page, topic: field('topic'), identity: field('identity') }
    case 'executions':
      return { page, status: field('status') }
    case 'playground':
      return { page, topic: field('topic') }
    default:
      return { page: 'unknown' }
  }
}

/** The address of a route, below that of the page. */
export function href(route: Route): string {
  switch (route.page) {
    case 'overview':
    case 'unknown':
      return '#/'
    case 'topic':
      return `#/topics/${encodeURIComponent(route.topic)}`
    case 'execution':
      return `#/executions/${encodeURIComponent(route.id)}`
    default: {
      const { page, ...fields } = route
      const given = Object.entries(fields).filter(([, value]) => value)
      return `#/${page}${given.length ? `?${new URLSearchParams(given)}` : ''}`
    }
  }
}

export function go(route: Route): void {
  location.hash = href(route)
}

export function provideRoute(): Readonly<Ref<Route>> {
  const route = ref(parseRoute(location.hash)) as Ref<Route>
  const follow = () => {
    route.value = parseRoute(location.hash)
  }
  addEventListener('hashchange', follow)
  onScopeDispose(() => removeEventListener('hashchange', follow))
  provide(KEY, route)
  return route
}

export function useRoute(): Readonly<Ref<Route>> {
  const route = inject(KEY)
  if (!route) throw new Error('the route is provided by the application')
  return route
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
