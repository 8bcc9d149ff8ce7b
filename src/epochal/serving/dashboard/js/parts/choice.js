/* Which model a view is of. */

/** Models of a role in the leaderboard's order, the headline first to be chosen. */
export function modelsOf(board, role, wanted, study) {
  const names = board.filter((row) => row.role === role).sort((one, two) => two.kappa - one.kappa).map((row) => row.model);
  const model = names.includes(wanted) ? wanted : names.includes(study.headline) ? study.headline : names[0];
  return { names, model };
}
