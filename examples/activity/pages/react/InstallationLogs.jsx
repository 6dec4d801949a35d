import { prepend, replace } from 'tidings/live'
import { useLive } from 'tidings/react'

const logsOf = (body) => body.logs

export function InstallationLogs({ team }) {
  const {
    value: lines,
    isLoading,
    error,
  } = useLive({
    url: `/api/teams/${team.id}/mcp/installations/${team.installation}/logs?limit=10`,
    select: logsOf,
    on: { snapshot: replace(logsOf), log: prepend({ key: 'id', cap: 10 }) },
  })

  return (
    <section aria-labelledby="logs">
      <h2 id="logs">Logs of {team.installation}</h2>
      {error && <p role="alert">{error.message}</p>}
      {isLoading && <p>Loading</p>}
      {lines?.length === 0 && <p>Nothing was logged.</p>}
      {lines?.length > 0 && (
        <ul aria-label="Lines">
          {lines.map(({ id, level, message }) => (
            <li key={id}>
              {level}: {message}
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
