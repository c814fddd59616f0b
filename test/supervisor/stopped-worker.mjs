// A worker that takes nothing from its supervisor's channel; it may have said that it is ready.
if (process.argv.includes('ready')) {
  process.send({ kind: 'started' });
  process.send({ kind: 'ready' }, () => process.kill(process.pid, 'SIGSTOP'));
} else {
  process.kill(process.pid, 'SIGSTOP');
}
