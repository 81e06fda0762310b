#include "tests/support/tar_builder.hh"

#include <algorithm>
#include <stdexcept>

#include "base/bytes.hh"

namespace osb::test {
namespace {

constexpr std::size_t kBlock = 512;

void put(std::string& block, std::size_t offset, std::string_view bytes) {
    if (offset + bytes.size() > block.size()) throw std::out_of_range("tar header field");
    std::copy(bytes.begin(), bytes.end(), block.begin() + static_cast<std::ptrdiff_t>(offset));
}

std::string octal(std::uint64_t value, std::size_t digits) {
    std::string text(digits, '0');
    for (std::size_t i = digits; i > 0; --i, value >>= 3U)
        text[i - 1] = static_cast<char>('0' + (value & 7U));
    return text;
}

void put_number(std::string& block, std::size_t offset, std::size_t width, std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    const std::size_t digits = width - 1;
    if (value >= 0 && (digits >= 21 || bits >> (3 * digits) == 0)) {
        put(block, offset, octal(bits, digits));
        return;
    }
    std::string field(width, value < 0 ? '\xff' : '\0');
    for (std::size_t i = 0; i < std::min<std::size_t>(width, 8); ++i)
        field[width - 1 - i] = static_cast<char>((bits >> (8 * i)) & 0xffU);
    field[0] = static_cast<char>(value < 0 ? '\xff' : '\x80');
    put(block, offset, field);
}

std::string checksum_field(const std::string& block) {
    std::uint64_t sum = 8 * static_cast<std::uint64_t>(' ');
    for (std::size_t i = 0; i < block.size(); ++i)
        if (i < 148 || i >= 156) sum += static_cast<unsigned char>(block[i]);
    return octal(sum, 6) + std::string("\0 ", 2);
}

std::string padding(std::size_t size) {
    std::string zeros;
    zeros.resize((kBlock - size % kBlock) % kBlock);
    return zeros;
}

}  // namespace

std::string pax_text(const PaxRecords& records) {
    std::string text;
    for (const auto& [key, value] : records) {
        const std::string body = concat(' ', key, '=', value, '\n');
        // The length counts its own digits.
        std::size_t length = body.size() + 1;
        while (std::to_string(length).size() + body.size() != length)
            length = std::to_string(length).size() + body.size();
        text += concat(length, body);
    }
    return text;
}

std::string tar_block(const TarMember& member) {
    std::string block(kBlock, '\0');
    put(block, 0, member.name.substr(0, 100));
    put_number(block, 100, 8, static_cast<std::int64_t>(member.mode));
    put_number(block, 108, 8, member.uid);
    put_number(block, 116, 8, member.gid);
    put_number(block, 124, 12, member.size.value_or(static_cast<std::int64_t>(member.content.size())));
    put_number(block, 136, 12, static_cast<std::int64_t>(member.mtime));
    block[156] = member.type;
    put(block, 157, member.link_name.substr(0, 100));
    if (member.magic == TarMagic::ustar) put(block, 257, std::string_view("ustar\00000", 8));
    if (member.magic == TarMagic::gnu) put(block, 257, std::string_view("ustar  \0", 8));
    if (member.magic != TarMagic::v7) {
        put_number(block, 329, 8, static_cast<std::int64_t>(member.device_major));
        put_number(block, 337, 8, static_cast<std::int64_t>(member.device_minor));
        put(block, 345, member.prefix);
    }
    for (const auto& [offset, bytes] : member.patches) put(block, offset, bytes);
    put(block, 148, member.checksum ? *member.checksum : checksum_field(block));
    return block;
}

TarBuilder& TarBuilder::add(const TarMember& member) {
    bytes_ += tar_block(member) + member.content;
    if (member.pad) bytes_ += padding(member.content.size());
    return *this;
}

TarBuilder& TarBuilder::add_named(const TarMember& member) {
    PaxRecords records;
    if (member.name.size() > 100) records.emplace_back("path", member.name);
    if (member.link_name.size() > 100) records.emplace_back("linkpath", member.link_name);
    if (!records.empty()) pax(records);
    return add(member);
}

TarBuilder& TarBuilder::file(std::string_view name, std::string_view content, std::uint64_t mode) {
    TarMember member;
    member.name = name;
    member.content = content;
    member.mode = mode;
    return add_named(member);
}

TarBuilder& TarBuilder::directory(std::string_view name, std::uint64_t mode) {
    TarMember member;
    member.name = name;
    member.type = '5';
    member.mode = mode;
    return add_named(member);
}

TarBuilder& TarBuilder::symlink(std::string_view name, std::string_view target) {
    TarMember member;
    member.name = name;
    member.type = '2';
    member.link_name = target;
    member.mode = 0777;
    return add_named(member);
}

TarBuilder& TarBuilder::hardlink(std::string_view name, std::string_view target, std::uint64_t mode) {
    TarMember member;
    member.name = name;
    member.type = '1';
    member.mode = mode;
    member.link_name = target;
    return add_named(member);
}

TarBuilder& TarBuilder::device(std::string_view name, char type, std::uint64_t major, std::uint64_t minor) {
    TarMember member;
    member.name = name;
    member.type = type;
    member.device_major = major;
    member.device_minor = minor;
    return add_named(member);
}

TarBuilder& TarBuilder::fifo(std::string_view name) {
    TarMember member;
    member.name = name;
    member.type = '6';
    return add_named(member);
}

TarBuilder& TarBuilder::pax(const PaxRecords& records) {
    return pax_raw(pax_text(records));
}

TarBuilder& TarBuilder::pax_raw(std::string_view text) {
    TarMember member;
    member.name = "PaxHeaders/x";
    member.type = 'x';
    member.content = text;
    return add(member);
}

TarBuilder& TarBuilder::global_pax(const PaxRecords& records) {
    TarMember member;
    member.name = "pax_global_header";
    member.type = 'g';
    member.content = pax_text(records);
    return add(member);
}

TarBuilder& TarBuilder::gnu_long_name(std::string_view name) {
    TarMember member;
    member.name = "././@LongLink";
    member.type = 'L';
    member.content = std::string(name) + '\0';
    member.magic = TarMagic::gnu;
    return add(member);
}

TarBuilder& TarBuilder::gnu_long_link(std::string_view target) {
    TarMember member;
    member.name = "././@LongLink";
    member.type = 'K';
    member.content = std::string(target) + '\0';
    member.magic = TarMagic::gnu;
    return add(member);
}

TarBuilder& TarBuilder::raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
}

std::string TarBuilder::finish() const {
    return bytes_ + std::string(2 * kBlock, '\0');
}

}  // namespace osb::test
