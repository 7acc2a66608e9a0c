type Manifest = Record<string, unknown>

const entry = (name: string) => ({ types: `./${name}.d.ts`, default: `./${name}.js` })

/** The manifest of the package that strangers install, from the one of the workspace. */
export function manifestOf ({ name, version, description, license, dependencies, engines }: Manifest): Manifest {
  return {
    name,
    version,
    description,
    license,
    type: 'module',
    // For resolvers that know no `exports`; they find the other entry by its file's name.
    main: './index.js',
    types: './index.d.ts',
    exports: { '.': entry('index'), './events': entry('events'), './package.json': './package.json' },
    sideEffects: false,
    engines,
    dependencies
  }
}
