// Layers, from DESIGN: core native < config watch changes transfer store hooks < replicate < daemon < http cli library < index.
// doctor stands above the stages, too, beside replicate; the command line alone calls it.
// Siblings of one layer never import each other; replicate receives its neighbours as parameters (types may be imported).
// A cycle of types alone is none: it is gone when the program runs.
const stages = ['config', 'watch', 'changes', 'transfer', 'store', 'hooks'];
const siblings = stages.map((stage) => ({
  name: `${stage}-imports-only-core`,
  severity: 'error',
  from: { path: `^src/${stage}/` },
  to: { path: '^src/', pathNot: [`^src/${stage}/`, '^src/core/', '^src/native/'] },
}));

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'core-imports-nothing',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { path: '^src/', pathNot: '^src/core/' },
    },
    ...siblings,
    {
      name: 'replicate-imports-neighbours-as-types-only',
      severity: 'error',
      from: { path: '^src/replicate/' },
      to: { path: '^src/(config|watch|transfer|store|hooks)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'replicate-stays-below',
      severity: 'error',
      from: { path: '^src/replicate/' },
      to: { path: '^src/(daemon|http|cli|library)/|^src/index' },
    },
    {
      name: 'daemon-stays-below',
      severity: 'error',
      from: { path: '^src/daemon/' },
      to: { path: '^src/(http|cli|library)/|^src/index' },
    },
    {
      name: 'library-knows-no-command-line',
      severity: 'error',
      from: { path: '^src/library/' },
      to: { path: '^src/(http|cli)/|^src/index' },
    },
    {
      name: 'doctor-stays-below-and-apart',
      severity: 'error',
      from: { path: '^src/doctor/' },
      to: { path: '^src/(replicate|daemon|http|cli)/|^src/index' },
    },
    {
      name: 'only-the-command-line-diagnoses',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(doctor|cli)/' },
      to: { path: '^src/doctor/' },
    },
    {
      name: 'one-importer-of-the-addon',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/watch/native' },
      to: { path: '\\.node$' },
    },
    {
      name: 'product-imports-no-bench-or-test',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(bench|test)/' },
    },
    {
      name: 'bench-imports-only-support-of-test',
      severity: 'error',
      from: { path: '^bench/' },
      to: { path: '^test/', pathNot: '^test/support/' },
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
