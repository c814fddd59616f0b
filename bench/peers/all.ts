import { haproxy } from './haproxy.ts';
import { nginx } from './nginx.ts';
import type { Peer } from './peer.ts';
import { sniproxy } from './sniproxy.ts';
import { sslh } from './sslh.ts';

export const peers: readonly Peer[] = [haproxy, nginx, sniproxy, sslh];
