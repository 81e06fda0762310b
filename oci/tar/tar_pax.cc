#include "oci/tar/tar_pax.hh"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "base/base64.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "oci/tar/tar_sparse.hh"

namespace osb::oci {
namespace {

constexpr std::string_view kSchilyXattr = "SCHILY.xattr.";
constexpr std::string_view kLibarchiveXattr = "LIBARCHIVE.xattr.";
constexpr std::string_view kGnuSparse = "GNU.sparse.";
constexpr std::string_view kStarRealSize = "SCHILY.realsize";

[[noreturn]] void fail_pax(std::string_view why) {
    throw Error(ErrorKind::invalid, concat("pax header: ", why));
}

struct Record {
    std::string_view key;
    std::string_view value;
};

// Takes a record "LENGTH KEY=VALUE\n" from the front of `rest`. LENGTH counts the whole record.
Record take_record(std::string_view& rest) {
    std::size_t length = 0;
    const auto digits = std::from_chars(rest.data(), rest.data() + rest.size(), length);
    const auto head = static_cast<std::size_t>(digits.ptr - rest.data());
    if (digits.ec != std::errc() || head >= rest.size() || rest[head] != ' ')
        fail_pax("a record without its length");
    if (length > rest.size() || length < head + 2 || rest[length - 1] != '\n')
        fail_pax("a record whose length is wrong");
    const std::string_view body = rest.substr(head + 1, length - head - 2);
    rest.remove_prefix(length);
    const std::size_t equals = body.find('=');
    if (equals == std::string_view::npos || equals == 0) fail_pax("a record without a keyword");
    const Record record{body.substr(0, equals), body.substr(equals + 1)};
    if (record.key.find('\0') != std::string_view::npos) fail_pax("a keyword with a NUL");
    return record;
}

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string decode_url(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0) fail_pax(concat("malformed escape in xattr name ", quoted(text)));
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
    }
    return out;
}

std::string decode_value(std::string_view text) {
    std::optional<std::string> out = decode_unpadded_base64(text);
    if (!out) fail_pax("malformed base64 in an xattr");
    return *std::move(out);
}

// Collects the records of one header. finish() checks the rules that concern several records.
class Collector {
  public:
    explicit Collector(std::size_t max_xattrs) : max_xattrs_(max_xattrs) {}

    void add(const Record& record) {
        if (record.key.starts_with(kGnuSparse)) {
            add_sparse(record.key.substr(kGnuSparse.size()), record.value);
        } else if (record.key.starts_with(kSchilyXattr)) {
            add_xattr(xattrs_, std::string(record.key.substr(kSchilyXattr.size())),
                      std::string(record.value));
        } else if (record.key.starts_with(kLibarchiveXattr)) {
            add_xattr(libarchive_xattrs_, decode_url(record.key.substr(kLibarchiveXattr.size())),
                      decode_value(record.value));
        } else if (record.key == kStarRealSize) {
            throw Error(ErrorKind::unsupported, "sparse files of star are not supported");
        } else if (record.key == "path") {
            set_text(header_.path, record);
        } else if (record.key == "linkpath") {
            set_text(header_.link_path, record);
        } else if (record.key == "size") {
            set_number(header_.size, record.key, record.value);
        } else if (record.key == "uid") {
            set_number(header_.uid, record.key, record.value);
        } else if (record.key == "gid") {
            set_number(header_.gid, record.key, record.value);
        }
    }

    PaxHeader finish() {
        // libarchive writes each attribute in both forms, but Go reads only one of them.
        for (const auto& [name, value] : libarchive_xattrs_) {
            const auto same = xattrs_.find(name);
            if (same == xattrs_.end() || same->second != value)
                fail_pax(concat("the xattr ", quoted(name), " only in the form of libarchive"));
        }
        header_.xattrs.assign(xattrs_.begin(), xattrs_.end());
        finish_sparse();
        return std::move(header_);
    }

  private:
    using Xattrs = std::map<std::string, std::string>;

    static void set_text(std::optional<std::string>& target, const Record& record) {
        if (record.value.find('\0') != std::string_view::npos)
            fail_pax(concat(quoted(record.key), " with a NUL"));
        target.reset();
        if (!record.value.empty()) target = std::string(record.value);
    }

    static void set_number(std::optional<std::uint64_t>& target, std::string_view key,
                           std::string_view value) {
        target.reset();
        if (!value.empty()) target = parse_tar_decimal(value, concat("pax header: ", quoted(key)));
    }

    void add_xattr(Xattrs& xattrs, std::string name, std::string value) const {
        if (name.empty() || name.find('\0') != std::string::npos) fail_pax("an xattr without a proper name");
        if (xattrs.size() == max_xattrs_ && !xattrs.contains(name))
            throw Error(ErrorKind::too_large, concat("more than ", max_xattrs_, " xattrs"));
        xattrs.insert_or_assign(std::move(name), std::move(value));
    }

    void add_sparse(std::string_view key, std::string_view value) {
        if (key == "major") {
            major_ = value;
        } else if (key == "minor") {
            minor_ = value;
        } else if (key == "name") {
            set_text(header_.sparse_name, {"GNU.sparse.name", value});
        } else if (key == "size") {
            set_number(sparse_size_, key, value);
        } else if (key == "realsize") {
            set_number(sparse_real_size_, key, value);
        } else if (key == "numblocks") {
            set_number(sparse_count_, key, value);
            have_map_ = true;
        } else if (key == "offset" || key == "numbytes") {
            // Format 0.0 has pairs of records, and their order matters.
            if ((header_.sparse_map.size() % 2 == 0) != (key == "offset"))
                fail_pax("sparse regions out of order");
            header_.sparse_map.push_back(parse_tar_decimal(value, "a number of the sparse map"));
            have_map_ = have_map_records_ = true;
        } else if (key == "map") {
            set_map(value);
        }
    }

    // Format 0.1 has all numbers in one record, separated by commas.
    void set_map(std::string_view list) {
        header_.sparse_map.clear();
        have_map_ = have_map_list_ = true;
        while (!list.empty()) {
            const std::size_t comma = std::min(list.find(','), list.size());
            header_.sparse_map.push_back(
                parse_tar_decimal(list.substr(0, comma), "a number of the sparse map"));
            if (comma + 1 == list.size()) fail_pax("a sparse map that ends in a comma");
            list.remove_prefix(std::min(comma + 1, list.size()));
        }
    }

    // Detects the formats as Go does: by the version numbers, or without a version by a map in the header. Go
    // treats any other file with sparse records as a plain file, but other programs do not.
    void finish_sparse() {
        if (sparse_size_ && sparse_real_size_) fail_pax("two sizes of a sparse file");
        if (have_map_list_ && have_map_records_) fail_pax("two maps of a sparse file");
        header_.sparse_size = sparse_size_ ? sparse_size_ : sparse_real_size_;
        const bool version_1 = major_ == "1" && minor_ == "0";
        const bool version_0 = major_ == "0" && (minor_ == "0" || minor_ == "1");
        const bool no_version = major_.empty() && minor_.empty();
        if (version_1 && !have_map_) {
            header_.sparse = PaxSparse::map_in_data;
        } else if (version_0 || (no_version && !header_.sparse_map.empty())) {
            header_.sparse = PaxSparse::map_in_header;
            if (header_.sparse_map.size() % 2 != 0 || sparse_count_ != header_.sparse_map.size() / 2)
                fail_pax("the sparse map has another number of regions than it declares");
        } else if (have_map_ || !no_version || header_.sparse_name || header_.sparse_size) {
            throw Error(ErrorKind::unsupported,
                        concat("sparse file of unknown format ", quoted(major_), ".", quoted(minor_)));
        }
        if (header_.sparse != PaxSparse::none && !header_.sparse_size)
            fail_pax("a sparse file without its size");
    }

    PaxHeader header_;
    Xattrs xattrs_;
    Xattrs libarchive_xattrs_;
    std::size_t max_xattrs_;
    std::string_view major_;
    std::string_view minor_;
    std::optional<std::uint64_t> sparse_count_;
    std::optional<std::uint64_t> sparse_size_;
    std::optional<std::uint64_t> sparse_real_size_;
    bool have_map_ = false;  // the whole map or a part of it
    bool have_map_list_ = false;
    bool have_map_records_ = false;
};

}  // namespace

bool PaxHeader::changes_entries() const noexcept {
    return path || link_path || size || uid || gid || !xattrs.empty() || sparse != PaxSparse::none;
}

PaxHeader parse_pax_header(ByteView records, std::size_t max_xattrs) {
    Collector collector(max_xattrs);
    std::string_view rest = as_text(records);
    while (!rest.empty()) collector.add(take_record(rest));
    return collector.finish();
}

}  // namespace osb::oci
