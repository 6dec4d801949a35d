/** What the switch offers: a team that is busy, one that is idle, and one of other people. */
export const TEAMS = [
  { id: '123', name: 'Team 123', installation: 'i1' },
  { id: '7', name: 'Team 7', installation: 'i7' },
  { id: '999', name: 'Team 999 (not yours)', installation: 'i9' },
]
