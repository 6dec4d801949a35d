import { Window } from 'happy-dom'

/** A document for frameworks to render into, without replacing anything else of Node's. */
const window = new Window()
const { document, navigator, Element, SVGElement } = window
const names = { window, document, Element, SVGElement }
Object.assign(globalThis, names, globalThis.navigator ? {} : { navigator })

/** A new element in the document. */
export function container(): HTMLElement {
  const element = window.document.createElement('div')
  window.document.body.append(element)
  return element as unknown as HTMLElement
}
