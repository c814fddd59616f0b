export type MetricType = 'counter' | 'gauge' | 'histogram';

export interface MetricFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Every metric of the proxy's own, in the order they are shown in. `docs/metrics.md` explains them. */
export const families = {
  connections: counter(
    'connections_total',
    'Accepted connections that have ended, refused ones too, by how they ended; the route is empty where none was found.',
    'listener',
    'route',
    'outcome',
  ),
  connectionsActive: gauge('connections_active', 'Live connections.', 'listener'),
  rejected: counter(
    'rejected_total',
    'Connections that the proxy refused; the reason is the outcome.',
    'listener',
    'reason',
  ),
  bytes: counter(
    'bytes_total',
    'Bytes from clients, after any PROXY header (up), and passed on to them (down); those of live connections included.',
    'route',
    'direction',
  ),
  helloDuration: histogram(
    'hello_duration_seconds',
    'From accept to the whole ClientHello, of connections that have ended.',
    'listener',
  ),
  connectDuration: histogram(
    'connect_duration_seconds',
    'From the first dial to the established connection, failed attempts included, of connections that have ended.',
    'upstream',
  ),
  connectionDuration: histogram(
    'connection_duration_seconds',
    'From accept to the end, of connections that have ended.',
    'route',
  ),
  helloBytes: histogram('hello_bytes', 'Length of ClientHellos on the wire, record headers included.'),
  helloFeatures: counter(
    'hello_features_total',
    'ClientHellos that have the feature; ech counts GREASE ones too.',
    'feature',
  ),
  connectFailures: counter(
    'connect_failures_total',
    'Dials that failed; the reason is the system error code, such as ECONNREFUSED.',
    'upstream',
    'endpoint',
    'reason',
  ),
  endpointUp: gauge(
    'endpoint_up',
    '1: new connections go there; 0: they do not, as it is down (probes) or ejected (real traffic).',
    'upstream',
    'endpoint',
  ),
  endpointConnections: gauge(
    'endpoint_connections_active',
    'Live connections to the endpoint, those being dialled included.',
    'upstream',
    'endpoint',
  ),
  certificateExpiry: gauge(
    'endpoint_certificate_expiry_seconds',
    'When the certificate that a tls probe was shown expires, in seconds since 1970.',
    'upstream',
    'endpoint',
  ),
  reloads: counter('config_reloads_total', 'Reloads of the configuration.', 'result'),
  config: gauge('config_info', '1, labelled with the hash of the configuration that is served.', 'hash'),
  restarts: counter('worker_restarts_total', 'Workers that were replaced.'),
  plane: gauge('data_plane_info', '1, labelled with the data plane.', 'plane'),
  splicedBytes: counter(
    'spliced_bytes_total',
    'Bytes that were moved by splice(2), inside the kernel; 0 on the portable data plane.',
  ),
  acceptFailures: counter(
    'accept_failures_total',
    'Times that accepting failed on the native data plane, for lack of descriptors or memory.',
  ),
  linesLost: counter(
    'access_log_lines_lost_total',
    'Access log lines that could not be written, or for which there was no room left.',
  ),
} as const satisfies Record<string, MetricFamily>;

function counter(name: string, help: string, ...labels: string[]): MetricFamily {
  return { name: `sluice_${name}`, type: 'counter', help, labels };
}

function gauge(name: string, help: string, ...labels: string[]): MetricFamily {
  return { name: `sluice_${name}`, type: 'gauge', help, labels };
}

function histogram(name: string, help: string, ...labels: string[]): MetricFamily {
  return { name: `sluice_${name}`, type: 'histogram', help, labels };
}
