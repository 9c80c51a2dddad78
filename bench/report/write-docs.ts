import { writeFileSync } from 'node:fs';
import { reportOf, writeReport } from './report.js';

// Makes docs/benchmarks.md, and the tables and plots beside the results, from bench/results; runs in the root of the project.

const introduction = `# Benchmarks

<!-- Generated from bench/results by npm run bench:docs. Do not edit. -->

How fast imgsync-fast is beside others that do the same work: [lsyncd](https://github.com/lsyncd/lsyncd) for
replication, plain \`rsync -a\` as what a transfer costs without finding out what changed, a plain walk in C++ as what
reading a tree costs, and [inotify-tools](https://github.com/inotify-tools/inotify-tools),
[@parcel/watcher](https://github.com/parcel-bundler/watcher) and [chokidar](https://github.com/paulmillr/chokidar) for
watching.

All subjects of a table took turns in one call on one machine, on which the source and all targets were, so what counts
are the ratios: *of ours* says how many times the figure of imgsync-fast it is. The rsync daemons have rsync's default
settings unless the table says otherwise; lsyncd runs without delay and with a process for each target. After each run
the trees were compared, ours to the last byte and time; what is not equal is named below its table.

Run it again:

\`\`\`sh
npm ci
npm run bench                                   # everything, an hour or more
npm run bench -- latency burst --targets 4      # some of it
npm run bench -- watch-setup --sizes 10000,100000,1000000
npm run bench:smoke                             # everything in a tiny form, for its correctness
npm run bench:docs                              # this page from bench/results
\`\`\`

Trees are made in \`TMPDIR\`; on a disk that others use as well the figures tell more about the disk than about the
subjects. What is measured how is in [bench/scenarios](../bench/scenarios).
`;

writeReport('bench/results');
const { text } = reportOf('bench/results', '../bench/results/');
writeFileSync('docs/benchmarks.md', `${introduction}\n${text}\n`);
