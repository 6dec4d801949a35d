import { StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'

import { TEAMS } from '../teams.js'
import { ClientConnections } from './ClientConnections.jsx'
import { InstallationLogs } from './InstallationLogs.jsx'

function App() {
  const [team, setTeam] = useState(TEAMS[0])
  const change = ({ target }) => setTeam(TEAMS.find(({ id }) => id === target.value))
  return (
    <>
      <h1>Activity</h1>
      <label>
        Team{' '}
        <select value={team.id} onChange={change}>
          {TEAMS.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <ClientConnections teamId={team.id} />
      <InstallationLogs key={team.id} team={team} />
    </>
  )
}

createRoot(document.getElementById('app')).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
