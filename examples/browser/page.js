// Logs in, posts, and shows posts as they happen. `?api=` says where the gateway is.
import { createClient, ProblemError } from '@gatepost/client'

const STORE = 'gatepost-session'
const element = (id) => document.getElementById(id)

const api = createClient({
  baseUrl: new URLSearchParams(window.location.search).get('api') ?? 'http://127.0.0.1:3000',
  session: () => JSON.parse(localStorage.getItem(STORE) ?? 'null') ?? undefined,
  onSession (session) {
    if (session) localStorage.setItem(STORE, JSON.stringify(session))
    else localStorage.removeItem(STORE)
    show()
  }
})

let leaving

/** Shows the form that fits, and follows events while somebody is logged in. */
function show () {
  const loggedIn = localStorage.getItem(STORE) !== null
  element('login').hidden = loggedIn
  element('post').hidden = !loggedIn
  if (!loggedIn) leaving?.abort()
  else if (!leaving || leaving.signal.aborted) follow(leaving = new AbortController())
}

async function follow ({ signal }) {
  try {
    for await (const { data } of api.events({ types: ['posts.post-created.v1'], signal })) {
      element('events').append(Object.assign(document.createElement('li'), { textContent: data.title }))
    }
  } catch (error) {
    say(error)
  }
}

function say (error) {
  element('message').textContent = error instanceof ProblemError ? error.detail : String(error)
}

/** Calls with the fields of a form when it is sent. */
function onSubmit (id, call) {
  element(id).addEventListener('submit', async (event) => {
    event.preventDefault()
    element('message').textContent = ''
    try {
      await call(Object.fromEntries(new FormData(event.target)))
      event.target.reset()
    } catch (error) {
      say(error)
    }
  })
}

onSubmit('login', (body) => api.login({ body }))
onSubmit('post', (body) => api.createPost({ body }))
element('logout').addEventListener('click', () => api.logout().catch(say))
show()
