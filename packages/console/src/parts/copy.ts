/**
 * Puts text into the clipboard. Where the page may not, as over plain HTTP from another machine,
 * the text is selected and the browser is asked to copy the selection.
 */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = document.createElement('textarea')
    area.value = text
    // A dialog that is open would not let the focus out.
    const place = document.querySelector('dialog[open]') ?? document.body
    place.append(area)
    area.select()
    const isCopied = document.execCommand('copy')
    area.remove()
    return isCopied
  }
}
