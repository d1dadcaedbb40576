/** What is counted of a capture's packets, whoever looks into them. */
export class CaptureCounts {
  packets = 0;
  bytes = 0;
  /** Packets that could not be decoded beyond their link layer. */
  undecoded = 0;
  /** Changes with every packet and verdict, and with all else that screens show. */
  revision = 0;
  /** Packets by capture point. */
  readonly packetsByPoint: number[] = [];

  add(interfaceId: number, originalLength: number): void {
    this.packets++;
    this.bytes += originalLength;
    this.packetsByPoint[interfaceId] = (this.packetsByPoint[interfaceId] ?? 0) + 1;
    this.revision++;
  }
}
