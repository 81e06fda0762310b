#include "system/etc/account_ranges.hh"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/bytes.hh"
#include "base/escape.hh"

namespace osb::system {
namespace {

struct IdRange {
    std::uint64_t first = 0;
    std::uint64_t count = 0;

    std::uint64_t end() const { return first + count; }
    bool overlaps(const IdRange& other) const { return first < other.end() && other.first < end(); }
};

std::optional<IdRange> range_of(const std::string& line) {
    const Fields fields = split_fields(line, ':');
    const auto first = parse_id(fields[1]);
    const auto count = parse_id(fields[2]);
    if (!first || !count || *count == 0) return std::nullopt;
    return IdRange{.first = *first, .count = *count};
}

std::string describe_range(const IdRange& range) {
    return concat(range.first, '-', range.end() - 1);
}

std::uint64_t end_of(const std::vector<const AccountTable*>& tables) {
    std::uint64_t out = 0;
    for (const AccountTable* table : tables) {
        for (const AccountEntry& entry : table->entries()) {
            for (const std::string& line : entry.lines) {
                if (entry.name.empty()) continue;
                if (const auto range = range_of(line)) out = std::max(out, range->end());
            }
        }
    }
    return out;
}

// Returns the name of an entry that only the machine has and that the range overlaps; "" if there is none.
std::string find_owner(const IdRange& range, const AccountTable& local, const AccountTable& now) {
    for (const AccountEntry& entry : local.entries()) {
        if (entry.name.empty() || now.find(entry.name) != nullptr) continue;
        for (const std::string& line : entry.lines) {
            const auto other = range_of(line);
            if (other && range.overlaps(*other)) return entry.name;
        }
    }
    return {};
}

}  // namespace

std::vector<std::string> separate_ranges(const std::string& file, std::vector<AccountEntry*> entries,
                                         const AccountTable& local, const AccountTable& now,
                                         const std::vector<const AccountTable*>& taken) {
    constexpr std::uint64_t kNoId = std::numeric_limits<std::uint32_t>::max();
    std::vector<std::string> out;
    std::uint64_t next = end_of(taken);
    for (AccountEntry* entry : entries) {
        std::vector<std::string> lines;
        for (const std::string& line : entry->lines) {
            const auto range = range_of(line);
            const std::string owner = range ? find_owner(*range, local, now) : std::string();
            if (owner.empty()) {
                lines.push_back(line);
                continue;
            }
            const std::string clash = concat("the range ", describe_range(*range), " of ",
                                             quoted(entry->name), " in the image's /etc/", file,
                                             " overlaps that of ", quoted(owner), " on this machine: ");
            const IdRange moved{.first = next, .count = range->count};
            if (moved.end() > kNoId) {
                out.push_back(clash + "it is left out, because no range is free");
                continue;
            }
            next = moved.end();
            lines.push_back(concat(entry->name, ':', moved.first, ':', moved.count));
            out.push_back(concat(clash, "it gets ", describe_range(moved)));
        }
        entry->lines = std::move(lines);
    }
    return out;
}

}  // namespace osb::system
