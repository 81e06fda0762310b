#include "oci/documents/json.hh"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::oci {
namespace {

// Each value uses about 60 bytes of memory but may have only two bytes of text, so a limit of the text is not
// enough.
constexpr std::size_t kMaxValues = 256UL * 1024;

// Builds the document while the library parses. The library's own builder keeps the last of several equal
// keys, and its variant with callbacks needs quadratic time for arrays of objects.
class Builder final : public nlohmann::json_sax<Json> {
  public:
    Builder(std::string_view what, std::size_t max_depth) : what_(what), max_depth_(max_depth) {}

    Json take() { return std::move(root_); }

    bool null() override { return add(nullptr); }
    bool boolean(bool value) override { return add(value); }
    bool number_integer(number_integer_t value) override { return add(value); }
    bool number_unsigned(number_unsigned_t value) override { return add(value); }
    bool number_float(number_float_t value, const string_t& /*text*/) override { return add(value); }
    bool string(string_t& value) override { return add(std::move(value)); }
    bool binary(binary_t& /*value*/) override { return false; }
    bool start_object(std::size_t /*elements*/) override { return open(Json::object()); }
    bool start_array(std::size_t /*elements*/) override { return open(Json::array()); }
    bool end_array() override { return close(); }
    bool end_object() override { return close(); }

    bool key(string_t& name) override {
        if (open_.back()->contains(name)) {
            throw Error(ErrorKind::invalid,
                        concat(what_, ": key ", quoted(name), " appears twice in an object"));
        }
        key_ = std::move(name);
        return true;
    }

    bool parse_error(std::size_t position, const std::string& /*token*/,
                     const nlohmann::detail::exception& /*error*/) override {
        throw Error(ErrorKind::invalid, concat(what_, ": not valid JSON (at byte ", position, ')'));
    }

  private:
    template<typename Value>
    Json* place(Value&& value) {
        if (++values_ > kMaxValues) {
            throw Error(ErrorKind::too_large, concat(what_, ": more than ", kMaxValues, " values"));
        }
        if (open_.empty()) {
            root_ = std::forward<Value>(value);
            return &root_;
        }
        Json& parent = *open_.back();
        if (parent.is_array()) return &parent.emplace_back(std::forward<Value>(value));
        Json& slot = parent[key_];
        slot = std::forward<Value>(value);
        return &slot;
    }

    template<typename Value>
    bool add(Value&& value) {
        place(std::forward<Value>(value));
        return true;
    }

    bool open(Json container) {
        if (open_.size() >= max_depth_) {
            throw Error(ErrorKind::invalid, concat(what_, ": nested more than ", max_depth_, " deep"));
        }
        // The parent does not change while its child is open, so the pointer stays valid.
        open_.push_back(place(std::move(container)));
        return true;
    }

    bool close() {
        open_.pop_back();
        return true;
    }

    std::string_view what_;
    std::size_t max_depth_;
    std::size_t values_ = 0;
    Json root_;
    std::vector<Json*> open_;
    std::string key_;
};

}  // namespace

Json parse_json(std::string_view text, std::string_view what, std::size_t max_depth) {
    if (text.starts_with("\xEF\xBB\xBF")) {
        throw Error(ErrorKind::invalid, concat(what, ": begins with a byte order mark"));
    }
    // The library treats a NUL byte as the end of the text, and would ignore the rest.
    const std::size_t nul = text.find('\0');
    if (nul != std::string_view::npos) {
        throw Error(ErrorKind::invalid, concat(what, ": not valid JSON (at byte ", nul + 1, ')'));
    }
    Builder builder(what, max_depth);
    if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
        throw Error(ErrorKind::invalid, concat(what, ": not valid JSON"));
    }
    return builder.take();
}

}  // namespace osb::oci
