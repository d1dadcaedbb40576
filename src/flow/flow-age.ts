/** By which time-out a flow ends, from what its protocol has come to. */
import {
  AGE_OTHER,
  AGE_QUESTION,
  AGE_TCP_CLOSED,
  AGE_TCP_CLOSING,
  AGE_TCP_OPEN,
  AGE_TCP_OPENING,
  AGE_UDP_ANSWERED,
  AGE_UDP_ASKED,
} from './age-lists.ts';
import { type Flow, REPLY } from './flow.ts';

/** The list of `AgeLists` that it belongs to. */
export const ageOf = (flow: Flow): number => {
  switch (flow.kind) {
    case 'tcp':
      return flow.tcp === null ? AGE_OTHER : ageOfTcp(flow.tcp.phase);
    case 'udp':
      return flow.packets[REPLY] > 0 ? AGE_UDP_ANSWERED : AGE_UDP_ASKED;
    case 'icmp-echo':
    case 'icmp':
    case 'arp':
      return AGE_QUESTION;
    case 'other':
      return AGE_OTHER;
  }
};

const ageOfTcp = (phase: NonNullable<Flow['tcp']>['phase']): number => {
  switch (phase) {
    case 'syn-sent':
    case 'syn-received':
      return AGE_TCP_OPENING;
    case 'established':
    case 'midstream':
      return AGE_TCP_OPEN;
    case 'closing':
      return AGE_TCP_CLOSING;
    case 'closed':
    case 'reset':
      return AGE_TCP_CLOSED;
  }
};
