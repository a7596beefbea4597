// The demo's provider: fetches the packages once, without scripts, and then is provider.mjs. Started by `manage.py up`.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

if (!existsSync(new URL('node_modules/.package-lock.json', import.meta.url))) {
  const options = ['ci', '--silent', '--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=0'];
  spawnSync('npm', options, { cwd: import.meta.dirname, timeout: 60_000, stdio: 'ignore' });
}
await import('./provider.mjs');
