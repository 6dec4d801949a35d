import { type Browser, chromium, type LaunchOptions } from 'playwright-core'

/** Starts the system's Chromium. */
export function launch(options: LaunchOptions = {}, more: string[] = []): Promise<Browser> {
  return chromium.launch({
    ...options,
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...more,
    ],
  })
}
