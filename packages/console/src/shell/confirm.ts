import { type InjectionKey, inject, provide, type Ref, ref } from 'vue'

/** What somebody is asked before it is done. */
export interface Question {
  title: string
  text: string
  /** What the button says that does it. */
  action: string
}

export type Confirm = (question: Question) => Promise<boolean>

/** A question that waits for its answer. */
export interface Asked extends Question {
  answer(isSure: boolean): void
}

const KEY: InjectionKey<Confirm> = Symbol('confirm')

export function provideConfirm(): Readonly<Ref<Asked | undefined>> {
  const asked = ref<Asked>()
  provide(
    KEY,
    (question) =>
      new Promise((resolve) => {
        const answer = (isSure: boolean) => {
          asked.value = undefined
          resolve(isSure)
        }
        asked.value = { ...question, answer }
      }),
  )
  return asked
}

/** Asks whether something is really to be done. */
export function useConfirm(): Confirm {
  const confirm = inject(KEY)
  if (!confirm) throw new Error('questions are asked by the application')
  return confirm
}
