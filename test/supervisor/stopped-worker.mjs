// A worker that takes nothing from its supervisor's channel.
process.kill(process.pid, 'SIGSTOP');
