/** Numbers of the pcap and pcapng formats under the names of draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. */

/** Classic pcap magics, as read in the byte order of the file. */
export const PCAP_MAGIC_MICROSECONDS = 0xa1b2c3d4;
export const PCAP_MAGIC_NANOSECONDS = 0xa1b23c4d;
export const PCAP_FILE_HEADER_BYTES = 24;
export const PCAP_RECORD_HEADER_BYTES = 16;

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

export const BLOCK_SECTION_HEADER = 0x0a0d0d0a;
export const BLOCK_INTERFACE_DESCRIPTION = 1;
/** Obsolete, still found in files of before 2010. */
export const BLOCK_PACKET = 2;
export const BLOCK_SIMPLE_PACKET = 3;
export const BLOCK_NAME_RESOLUTION = 4;
export const BLOCK_INTERFACE_STATISTICS = 5;
export const BLOCK_ENHANCED_PACKET = 6;
export const BLOCK_DECRYPTION_SECRETS = 10;
/** A custom block that tools may copy to a new file, and one that they must not. */
export const BLOCK_CUSTOM = 0x00000bad;
export const BLOCK_CUSTOM_NO_COPY = 0x40000bad;

/** Block type, total length, and the total length again at the end. */
export const BLOCK_FRAME_BYTES = 12;

/** Wiretap refuses larger blocks as well (MAX_BLOCK_SIZE); a longer one is damage, not data. */
export const MAX_BLOCK_BYTES = 16 * 1024 * 1024;
/** libpcap's MAXIMUM_SNAPLEN: no classic record is longer unless the file's own snap length says so. */
export const MAXIMUM_SNAPLEN = 262_144;

export const OPT_ENDOFOPT = 0;
export const OPT_COMMENT = 1;
/** Custom options: text and bytes, each in a kind that tools may copy to a new file and one that they must not. */
export const OPT_CUSTOM_TEXT = 2988;
export const OPT_CUSTOM_BYTES = 2989;
export const OPT_CUSTOM_TEXT_NO_COPY = 19_372;
export const OPT_CUSTOM_BYTES_NO_COPY = 19_373;
export const SHB_HARDWARE = 2;
export const SHB_OS = 3;
export const SHB_USERAPPL = 4;
export const IF_NAME = 2;
export const IF_DESCRIPTION = 3;
export const IF_MACADDR = 6;
export const IF_SPEED = 8;
export const IF_TSRESOL = 9;
export const IF_TZONE = 10;
export const IF_FILTER = 11;
export const IF_OS = 12;
export const IF_TSOFFSET = 14;
export const IF_HARDWARE = 15;
export const IF_TXSPEED = 16;
export const IF_RXSPEED = 17;
export const EPB_FLAGS = 2;
export const EPB_HASH = 3;
export const EPB_DROPCOUNT = 4;
export const EPB_PACKETID = 5;
export const EPB_QUEUE = 6;
export const EPB_VERDICT = 7;
export const EPB_PROCESSID_THREADID = 8;
export const ISB_STARTTIME = 2;
export const ISB_ENDTIME = 3;
export const ISB_IFRECV = 4;
export const ISB_IFDROP = 5;
export const ISB_FILTERACCEPT = 6;
export const ISB_OSDROP = 7;
export const ISB_USRDELIV = 8;
export const NRB_RECORD_END = 0;
export const NRB_RECORD_IPV4 = 1;
export const NRB_RECORD_IPV6 = 2;

/** The low bits of epb_flags. */
export const EPB_FLAG_INBOUND = 1;
export const EPB_FLAG_OUTBOUND = 2;

/** Option and record values are padded to 32 bits. */
export const padded = (length: number): number => (length + 3) & ~3;
