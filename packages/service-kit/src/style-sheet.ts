/**
 * The style sheet of all our pages, which makes them one family: colours for light and dark, type, tables, code. Text
 * has a contrast of at least 4.5 on its background (WCAG 2.2, 1.4.3).
 */
export const STYLE_SHEET = `:root {
  color-scheme: light dark;
  --page: light-dark(#f7f8fa, #0e1116);
  --card: light-dark(#ffffff, #161b22);
  --ink: light-dark(#1b2230, #e4e8ee);
  --soft: light-dark(#566072, #9aa5b5);
  --line: light-dark(#dfe3ea, #2a313c);
  --accent: light-dark(#3b4fd8, #9db0ff);
  --good: light-dark(#12703f, #5fd39a);
  --warn: light-dark(#8a5300, #f0b860);
  --bad: light-dark(#b3261e, #ff9a90);
  font: 15px/1.5 system-ui, sans-serif;
  background: var(--page);
  color: var(--ink);
}
body { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0 1rem }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem }
a { color: var(--accent) }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere }
pre { overflow-x: auto; padding: .8rem 1rem }
pre { background: var(--card); border: 1px solid var(--line); border-radius: .5rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line) }
th { font-weight: 600; color: var(--soft) }
nav a { margin-right: 1rem }
section { margin: 2.5rem 0 }
`
