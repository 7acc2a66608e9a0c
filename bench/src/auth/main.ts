import { writeFile } from 'node:fs/promises'
import { describeMachine } from '../lab/machine.ts'
import { onGround } from '../lab/ground.ts'
import { type LoginRow, measureLogins } from './logins.ts'
import { measureRevocations, type RevocationRow } from './revocations.ts'
import { startStage } from './stage.ts'

/** Logins beside the bare hash, and how soon a logout counts. */
export const benchAuth = ({ rounds, seconds, samples }: { rounds: number, seconds: number, samples: number }) =>
  onGround(async (ground) => {
    const stage = await startStage(ground)
    const logins = await measureLogins(ground, stage, { rounds, seconds })
    console.log(loginTables(logins))
    const revocations = await measureRevocations(ground, stage, samples)
    console.log(revocationTable(revocations))
    await writeFile(new URL('../../results/auth.md', import.meta.url), `# Auth

${describeMachine()}. PostgreSQL, NATS, two auth processes, two gateways, posts, feed and the load share the cores.

## Logins

argon2id with 19 MiB, two passes, one lane; medians of ${rounds} rounds of ${seconds} s, each kind in turn. The bare
hash runs in one process that does nothing else, as many at once as there are cores. 1,000 logins go before, so that the
code is compiled.

${loginTables(logins)}

## Revocation

From the 204 of a logout to the first 401, ${samples} sessions.

${revocationTable(revocations)}
`)
  })

function loginTables (rows: LoginRow[]) {
  const apart = rows.filter((row) => row.apart)
  const tables = [`Everything on the same cores:\n\n${loginTable(rows.filter((row) => !row.apart))}`]
  if (apart.length > 0) {
    tables
      .push(`The threads that hash, bare or in auth, on one core, everything else on the others:\n\n${
        loginTable(apart)
      }`)
  }
  return tables.join('\n\n')
}

function loginTable (rows: LoginRow[]) {
  return `| what | per second | of the bare rate | p50 ms | p99 ms | CPU ms: hashing | PostgreSQL | gateways | refused |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${
    rows.map((row) =>
      `| ${row.name} | ${row.perSecond.toFixed(1)} | ${(row.share * 100).toFixed(0)} % | ${row.p50.toFixed(0)} | ${
        row.p99.toFixed(0)
      } | ${row.cpu.hashing.toFixed(1)} | ${row.cpu.PostgreSQL.toFixed(1)} | ${
        row.cpu.gateway.toFixed(1)
      } | ${row.refused} |`
    ).join('\n')
  }`
}

function revocationTable (rows: RevocationRow[]) {
  return `| where | p50 ms | p99 ms | max ms |
| --- | ---: | ---: | ---: |
${
    rows.map((row) => `| ${row.name} | ${row.p50.toFixed(1)} | ${row.p99.toFixed(1)} | ${row.max.toFixed(1)} |`)
      .join('\n')
  }`
}
