#include "oci/tar/tar_split.hh"

#include <array>

#include "base/base64.hh"
#include "base/byte_order.hh"
#include "base/escape.hh"
#include "oci/documents/json_text.hh"

namespace osb::oci {
namespace {

using Crc64Tables = std::array<std::array<std::uint64_t, 256>, 8>;

// Table k has the effect of a byte after k more bytes, so that one step processes eight bytes.
Crc64Tables make_tables() {
    constexpr std::uint64_t kPolynomial = 0xD800000000000000;
    Crc64Tables out{};
    for (std::size_t i = 0; i < 256; ++i) {
        std::uint64_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) != 0 ? (crc >> 1U) ^ kPolynomial : crc >> 1U;
        out[0][i] = crc;
    }
    for (std::size_t k = 1; k < out.size(); ++k) {
        for (std::size_t i = 0; i < 256; ++i) {
            out[k][i] = out[0][out[k - 1][i] & 0xFFU] ^ (out[k - 1][i] >> 8U);
        }
    }
    return out;
}

const Crc64Tables& tables() {
    static const Crc64Tables instance = make_tables();
    return instance;
}

}  // namespace

void Crc64::update(ByteView bytes) noexcept {
    const Crc64Tables& table = tables();
    std::uint64_t crc = state_;
    while (bytes.size() >= 8) {
        crc ^= load_little_endian(bytes.data());
        std::uint64_t next = 0;
        for (unsigned i = 0; i < 8; ++i) next ^= table[7 - i][(crc >> (8 * i)) & 0xFFU];
        crc = next;
        bytes = bytes.subspan(8);
    }
    for (const std::uint8_t byte : bytes) crc = table[0][(crc ^ byte) & 0xFFU] ^ (crc >> 8U);
    state_ = crc;
}

void TarSplitWriter::segment(ByteView bytes) {
    std::string line = R"({"type":2,"payload":")";
    append_base64(line, bytes);
    line += '"';
    write_line(std::move(line));
}

void TarSplitWriter::file(std::string_view path, std::uint64_t size, std::uint64_t crc) {
    std::string line = R"({"type":1,)";
    if (is_utf8(path)) {
        line += R"("name":)";
        append_json_string(line, path);
    } else {
        line += R"("name_raw":")";
        append_base64(line, as_bytes(path));
        line += '"';
    }
    if (size == 0) {
        line += R"(,"payload":null)";
    } else {
        line += concat(R"(,"size":)", size, R"(,"payload":")");
        append_base64(line, to_big_endian<8>(crc));
        line += '"';
    }
    write_line(std::move(line));
}

void TarSplitWriter::write_line(std::string line) {
    line += concat(R"(,"position":)", position_++, "}\n");
    size_ += line.size();
    out_.write(as_bytes(line));
}

}  // namespace osb::oci
