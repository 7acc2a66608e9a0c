import neostandard, { resolveIgnoresFromGitignore } from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: resolveIgnoresFromGitignore() }),
  {
    files: ['**/*.ts'],
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-import-type-side-effects': 'error'
    }
  },
  {
    rules: {
      '@stylistic/max-len': ['error', { code: 120 }],
      'max-lines': ['error', { max: 220 }],
      'no-console': 'error',
      'no-void': ['error', { allowAsStatement: true }],
      eqeqeq: ['error', 'always']
    }
  },
  {
    files: ['services/*/web/**/*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        ['addEventListener', 'EventSource', 'getComputedStyle', 'history', 'location', 'matchMedia', 'ResizeObserver',
          'scrollTo'].map((name) => [name, 'readonly'])
      )
    },
    rules: { eqeqeq: ['error', 'always', { null: 'ignore' }], 'new-cap': 'off' }
  },
  { files: ['scripts/**', 'deploy/**', 'bench/**', 'examples/**'], rules: { 'no-console': 'off' } }
]
