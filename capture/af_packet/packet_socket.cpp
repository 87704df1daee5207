#include "capture/af_packet/packet_socket.hpp"

#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/membarrier.h>
#include <linux/net_tstamp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <thread>

#include "capture/af_packet/fanout_program.hpp"
#include "capture/base/bytes.hpp"
#include "capture/base/size.hpp"

namespace tapline {

namespace {

// The kernel asks for a frame size, but with TPACKET_V3 frames are as long as they are.
constexpr unsigned kRingFrameBytes = 2048;

template <class T>
Status set_option(const File& file, int level, int option, const T& value, std::string_view action) {
  if (setsockopt(file.descriptor(), level, option, &value, sizeof value) == 0) return {};
  return io_error(action, file.path());
}

/// What it does not let pass is dropped before it is counted or copied.
Status attach_filter(const File& file, std::span<sock_filter> instructions) {
  const sock_fprog program{static_cast<unsigned short>(instructions.size()), instructions.data()};
  return set_option(file, SOL_SOCKET, SO_ATTACH_FILTER, program, "attach a filter to");
}

Status drop_everything(const File& file) {
  std::array<sock_filter, 1> nothing = {{{BPF_RET | BPF_K, 0, 0, 0}}};
  return attach_filter(file, nothing);
}

/// Not PACKET_IGNORE_OUTGOING: in a fan-out group the kernel looks at the group's flag, not at its members',
/// and that one (PACKET_FANOUT_FLAG_IGNORE_OUTGOING) came after 6.1.
Status drop_sent(const File& file) {
  std::array<sock_filter, 4> received = {{
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, PACKET_OUTGOING},
      {BPF_RET | BPF_K, 0, 0, 0},
      {BPF_RET | BPF_K, 0, 0, 0xffff'ffff},
  }};
  return attach_filter(file, received);
}

Result<File> open_socket(const std::string& interface) {
  // Protocol 0: nothing is received before bind().
  const int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (descriptor >= 0) return File::adopt(descriptor, "interface " + interface);
  if (errno == EPERM || errno == EACCES) {
    return Error{ErrorCode::kIo, "no permission to capture on interface " + interface +
                                     ": CAP_NET_RAW is needed (run as root, or setcap cap_net_raw+ep)"};
  }
  return io_error("open a packet socket for interface", interface);
}

tpacket_req3 ring_request(const AfPacketConfig& config) {
  tpacket_req3 request{};
  request.tp_block_size = config.block_bytes;
  request.tp_block_nr = static_cast<unsigned>(config.ring_bytes / config.block_bytes);
  request.tp_frame_size = kRingFrameBytes;
  request.tp_frame_nr = request.tp_block_nr * (request.tp_block_size / request.tp_frame_size);
  request.tp_retire_blk_tov = static_cast<unsigned>(config.block_timeout.count());
  return request;
}

RingTraits ring_traits(const AfPacketConfig& config, const InterfaceFacts& facts) {
  return {facts.link_type, config.port, facts.wire_frame_bytes_max()};
}

}  // namespace

Result<std::unique_ptr<PacketSocket>> PacketSocket::open(const AfPacketConfig& config) {
  Result<File> file = open_socket(config.interface);
  if (!file) return file.error();
  const Result<InterfaceFacts> facts = read_interface(file->descriptor(), config.interface);
  if (!facts) return facts.error();
  TAPLINE_TRY(drop_everything(*file));
  TAPLINE_TRY(configure(*file, config, *facts));
  const Result<Mapping> mapping = map_ring(*file, config);
  if (!mapping) return mapping.error();
  std::unique_ptr<PacketSocket> opened(new PacketSocket(*std::move(file), config, *facts, *mapping));
  TAPLINE_TRY(opened->bind_to_interface(config));
  return opened;
}

Status PacketSocket::configure(const File& file, const AfPacketConfig& config, const InterfaceFacts& facts) {
  TAPLINE_TRY(set_option(file, SOL_PACKET, PACKET_VERSION, int{TPACKET_V3}, "use TPACKET_V3 on"));
  TAPLINE_TRY(set_option(file, SOL_PACKET, PACKET_RESERVE, kRingHeadroomBytes, "reserve headroom on"));
  // Has the kernel stamp frames as they come in. Without it each is stamped when it is copied to the ring:
  // later, and for every listener anew.
  TAPLINE_TRY(set_option(file, SOL_SOCKET, SO_TIMESTAMPNS, int{1}, "have frames stamped on"));
  if (config.promiscuous) {
    packet_mreq membership{};
    membership.mr_ifindex = facts.index;
    membership.mr_type = PACKET_MR_PROMISC;
    TAPLINE_TRY(set_option(file, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership, "make promiscuous"));
  }
  return {};
}

Result<PacketSocket::Mapping> PacketSocket::map_ring(const File& file, const AfPacketConfig& config) {
  const tpacket_req3 request = ring_request(config);
  const std::size_t bytes = std::size_t{request.tp_block_nr} * request.tp_block_size;
  void* memory = MAP_FAILED;
  if (setsockopt(file.descriptor(), SOL_PACKET, PACKET_RX_RING, &request, sizeof request) == 0) {
    memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor(), 0);
  }
  if (memory == MAP_FAILED) {
    Error error = io_error("set up the ring of", file.path());
    error.context +=
        fmt::format(" ({} for each of {} workers): a smaller ring (--ring) or fewer workers need less",
                    format_size(bytes), config.workers);
    return error;
  }
  return Mapping{static_cast<std::uint8_t*>(memory), bytes};
}

PacketSocket::PacketSocket(File file, const AfPacketConfig& config, const InterfaceFacts& facts,
                           Mapping mapping)
    : file_(std::move(file)),
      facts_(facts),
      mapping_(mapping),
      ring_(mapping.memory, config.block_bytes,
            static_cast<std::uint32_t>(mapping.bytes / config.block_bytes), ring_traits(config, facts)) {}

PacketSocket::~PacketSocket() {
  munmap(mapping_.memory, mapping_.bytes);
}

Status PacketSocket::bind_to_interface(const AfPacketConfig& config) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = __builtin_bswap16(ETH_P_ALL);
  address.sll_ifindex = facts_.index;
  if (bind(descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return {};
  return io_error("bind to interface", config.interface);
}

Status PacketSocket::use_hardware_stamps() {
  return set_option(file_, SOL_PACKET, PACKET_TIMESTAMP, int{SOF_TIMESTAMPING_RAW_HARDWARE},
                    "use hardware time stamps of");
}

Result<std::uint16_t> PacketSocket::create_group() {
  // UNIQUEID: the kernel finds a number that no other program's group has.
  const unsigned wanted = unsigned{PACKET_FANOUT_CBPF} | PACKET_FANOUT_FLAG_UNIQUEID;
  TAPLINE_TRY(set_option(file_, SOL_PACKET, PACKET_FANOUT, wanted << 16U, "make a worker group on"));
  std::vector<sock_filter> program = address_pair_program(facts_.link_type);
  const sock_fprog fanout{static_cast<unsigned short>(program.size()), program.data()};
  TAPLINE_TRY(
      set_option(file_, SOL_PACKET, PACKET_FANOUT_DATA, fanout, "distribute by address the frames of"));
  unsigned made = 0;
  socklen_t made_bytes = sizeof made;
  if (getsockopt(descriptor(), SOL_PACKET, PACKET_FANOUT, &made, &made_bytes) != 0) {
    return io_error("read the worker group of", file_.path());
  }
  return static_cast<std::uint16_t>(made);
}

Status PacketSocket::join_group(std::uint16_t group) {
  const unsigned joined = group | (unsigned{PACKET_FANOUT_CBPF} << 16U);
  return set_option(file_, SOL_PACKET, PACKET_FANOUT, joined, "join the worker group on");
}

Status PacketSocket::start() {
  if (facts_.loopback) return drop_sent(file_);  // a packet comes by there twice: sent, and received
  return set_option(file_, SOL_SOCKET, SO_DETACH_FILTER, int{0}, "start receiving on");
}

void PacketSocket::stop() {
  // Can only fail for lack of memory: then frames go on coming, and are handed out.
  static_cast<void>(drop_everything(file_));
  // A frame that had passed the old filter is put into the ring within the kernel's RCU read section; the
  // barrier returns after all of those. Where it is refused (nohz_full), a frame's way takes microseconds.
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void PacketSocket::refresh_mtu() {
  facts_.mtu_bytes = bound_interface_mtu(descriptor()).value_or(facts_.mtu_bytes);
  ring_.set_wire_frame_bytes_max(facts_.wire_frame_bytes_max());
}

SocketStatistics PacketSocket::read_statistics() {
  tpacket_stats_v3 raw{};
  socklen_t raw_bytes = sizeof raw;
  if (getsockopt(descriptor(), SOL_PACKET, PACKET_STATISTICS, &raw, &raw_bytes) != 0) return {};
  return {raw.tp_packets - raw.tp_drops, raw.tp_drops, raw.tp_freeze_q_cnt};  // tp_packets includes tp_drops
}

void PacketSocket::wait(std::chrono::milliseconds timeout) {
  pollfd waiting{descriptor(), POLLIN, 0};
  const timespec limit{timeout.count() / 1000, static_cast<long>(timeout.count() % 1000) * 1'000'000};
  if (::ppoll(&waiting, 1, &limit, nullptr) <= 0 || (waiting.revents & POLLERR) == 0) return;
  // The interface went down (ENETDOWN). Reading the error clears it; else every wait would return at once.
  int error = 0;
  socklen_t error_bytes = sizeof error;
  getsockopt(descriptor(), SOL_SOCKET, SO_ERROR, &error, &error_bytes);
}

}  // namespace tapline
