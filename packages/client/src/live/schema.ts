/** What is used of a Standard Schema (standardschema.dev): Zod, Valibot, ArkType and others. */
export interface Schema<T> {
  readonly '~standard': {
    readonly validate: (value: unknown) => Result<T> | Promise<Result<T>>
  }
}

type Result<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] }

/** Data that does not fit its schema. */
export class SchemaError extends Error {
  override name = 'SchemaError'
  /** What does not fit, in words. */
  readonly issues: readonly string[]

  constructor(issues: readonly string[]) {
    super(issues.join('; '))
    this.issues = issues
  }
}

/** The value as the schema gives it; as it is without one. Throws a `SchemaError`. */
export async function validate<T>(schema: Schema<T> | undefined, value: unknown): Promise<T> {
  if (!schema) return value as T
  const result = await schema['~standard'].validate(value)
  if (result.issues) throw new SchemaError(result.issues.map(({ message }) => message))
  return result.value
}
