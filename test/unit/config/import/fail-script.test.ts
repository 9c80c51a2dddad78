import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFailScript } from '../../../../src/config/import/sersync/fail-script.js';

const quiet = '>/dev/null 2>&1';

test('the paths of what was not sent and not deleted are read from the commands', () => {
  const script = [
    '#errno 3072',
    `cd /data/m && rsync -artuz -R  --port=9381 "./a/b c.jpg" x.x.x.64::market ${quiet} `,
    '',
    '#errno 3072',
    `cd /data/m && rsync -artuz -R  --port=9381 "./a/b c.jpg" x.x.x.65::market ${quiet} `,
    '',
    '#errno 256',
    `cd /data/m && rsync -artuz -R "./\\$(reboot) \\$x.jpg" root@x.x.x.64::market --password-file=/etc/p ${quiet} `,
    '',
    '#errno 256',
    'cd /data/m && rsync -artuz -R "./\xe5\x9b\xbe\n1.jpg" x.x.x.64::market ',
    '',
    '#errno 2560',
    `cd /data/m && rsync -artuz -R --delete ./    --include="a/"  --include="a/gone.jpg" --exclude=* x.x.x.64::market ${quiet} `,
    '',
    '#errno 2560',
    `cd /data/m && rsync -artuz -R --delete ./    --include="old"  --include="old/***" --exclude=* x.x.x.64::market ${quiet} `,
    '',
    `cd /data/m && rsync -artuz -R --delete ./  --port=9381 x.x.x.64::market ${quiet} `,
    'cd /tmp; rm -rf /data',
    '',
  ].join('\n');
  assert.deepEqual(readFailScript(script), {
    sent: ['a/b c.jpg', '$(reboot) $x.jpg', '\xe5\x9b\xbe\n1.jpg'],
    deleted: ['a/gone.jpg', 'old'],
    fullSyncs: 1,
    strange: 1,
  });
});

test('an emptied script holds nothing', () => {
  assert.deepEqual(readFailScript(''), { sent: [], deleted: [], fullSyncs: 0, strange: 0 });
});
