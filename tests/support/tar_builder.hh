// Tar archives for tests, made in memory: well-formed ones in few words, and any kind of broken one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace osb::test {

enum class TarMagic { v7, ustar, gnu };

// One header block, before it is packed. Numbers are written as octal digits, or base-256 where those do not
// suffice.
struct TarMember {
    std::string name;
    char type = '0';
    std::string content;  // written behind the header, padded
    std::string link_name;
    std::uint64_t mode = 0644;
    std::int64_t uid = 0;
    std::int64_t gid = 0;
    std::uint64_t mtime = 0;
    std::uint64_t device_major = 0;
    std::uint64_t device_minor = 0;
    std::string prefix;
    TarMagic magic = TarMagic::ustar;

    std::optional<std::int64_t> size;     // when not content.size()
    std::optional<std::string> checksum;  // raw bytes of the field, when not the right one
    std::map<std::size_t, std::string>
        patches;      // offset in the block -> raw bytes; before the checksum is made
    bool pad = true;  // the content, to whole blocks
};

using PaxRecords = std::vector<std::pair<std::string, std::string>>;

// "LENGTH KEY=VALUE\n" for each record.
std::string pax_text(const PaxRecords& records);

// The header block alone.
std::string tar_block(const TarMember& member);

// Appends members; every function returns *this.
class TarBuilder {
  public:
    TarBuilder& add(const TarMember& member);

    // Well-formed ustar entries. Names of more than 100 bytes get a PAX header by themselves.
    TarBuilder& file(std::string_view name, std::string_view content, std::uint64_t mode = 0644);
    TarBuilder& directory(std::string_view name, std::uint64_t mode = 0755);
    TarBuilder& symlink(std::string_view name, std::string_view target);
    TarBuilder& hardlink(std::string_view name, std::string_view target, std::uint64_t mode = 0644);
    TarBuilder& device(std::string_view name, char type, std::uint64_t major, std::uint64_t minor);
    TarBuilder& fifo(std::string_view name);

    // Extension headers for the entry that is added next.
    TarBuilder& pax(const PaxRecords& records);
    TarBuilder& pax_raw(std::string_view text);
    TarBuilder& global_pax(const PaxRecords& records);
    TarBuilder& gnu_long_name(std::string_view name);
    TarBuilder& gnu_long_link(std::string_view target);

    // Bytes as they are.
    TarBuilder& raw(std::string_view bytes);

    // What was added, without an end.
    const std::string& bytes() const noexcept { return bytes_; }
    // What was added, and two zero blocks.
    std::string finish() const;

  private:
    TarBuilder& add_named(const TarMember& member);

    std::string bytes_;
};

}  // namespace osb::test
