import pg from 'pg'

/** The author of a tenth of all posts, all in the older half. */
export const PROLIFIC = '01800000-0000-7000-8000-000000000000'
const AUTHORS = 1_000
const BATCH = 50_000

/** Words `w0`, `w1` … distributed as in language: a few are frequent, most are rare. */
const content = (words: number) =>
  `(SELECT string_agg('w' || floor(20000 * power(random(), 4))::int, ' ')
    FROM generate_series(1, ${words}) WHERE i > 0)`
/** UUIDv7s of one post every 100 ms. */
const ID =
  `(SELECT substr(t, 1, 8) || '-' || substr(t, 9) || '-7000-8000-' || substr(md5(i::text), 1, 12)
    FROM lpad(to_hex(1700000000000 + i::bigint * 100), 12, '0') t)::uuid`
const idOfAuthor = (number: string) => `('01800000-0000-7000-8000-' || lpad(to_hex(${number}), 12, '0'))::uuid`

/** Fills the table from `from` up to `rows` posts; building the word index afterwards is faster. */
export async function fillPosts (ownerUrl: string, rows: number, { from: filled = 0, words = 40 } = {}) {
  await execute(ownerUrl, 'DROP INDEX posts_search_idx')
  for (let from = filled + 1; from <= rows; from += BATCH) {
    await execute(
      ownerUrl,
      `INSERT INTO posts (id, author_id, title, content, created_at, updated_at)
      SELECT ${ID}, ${authorOf(rows)}, 'number ' || i, ${content(words)}, now(), now() FROM generate_series(${from}, ${
        Math.min(rows, from + BATCH - 1)
      }) i`
    )
  }
  await execute(ownerUrl, 'CREATE INDEX posts_search_idx ON posts USING GIN (search)', 'VACUUM ANALYZE posts')
}

export async function fillFeed (ownerUrl: string, rows: number, from = 0) {
  await execute(ownerUrl,
    `INSERT INTO authors (id, display_name) SELECT ${idOfAuthor('i')}, 'Author ' || i
      FROM generate_series(0, ${AUTHORS}) i ON CONFLICT DO NOTHING`,
    `INSERT INTO entries (id, author_id, title, content, created_at) SELECT ${ID}, ${
      authorOf(rows)
    }, 'number ' || i, repeat('content ', 30), now() FROM generate_series(${from + 1}, ${rows}) i`,
    'VACUUM ANALYZE authors',
    'VACUUM ANALYZE entries'
  )
}

function authorOf (rows: number) {
  const anybody = idOfAuthor(`1 + i % ${AUTHORS}`)
  return `CASE WHEN i < ${rows / 2} AND i % 5 = 0 THEN '${PROLIFIC}'::uuid ELSE ${anybody} END`
}

/** Runs statements, and returns the last one's rows. */
export async function execute (url: string, ...statements: string[]): Promise<Array<Record<string, unknown>>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    let rows: Array<Record<string, unknown>> = []
    for (const statement of statements) rows = (await client.query(statement)).rows
    return rows
  } finally {
    await client.end()
  }
}
