#include "ostree/detached_metadata.hh"

#include <map>
#include <set>

#include "ostree/glib.hh"

namespace osb::ostree {
namespace {

using Values = std::map<std::string, GVariantPtr>;

// Nothing when it is malformed.
bool parse(std::string_view bytes, Values& out) {
    const GVariantPtr dict = variant_from_bytes(G_VARIANT_TYPE_VARDICT, as_bytes(bytes), /*trusted=*/false);
    if (g_variant_is_normal_form(dict.get()) == FALSE) return false;
    GVariantIter iter;
    g_variant_iter_init(&iter, dict.get());
    while (GVariant* entry = g_variant_iter_next_value(&iter)) {
        const GVariantPtr owned(entry);
        const char* key = nullptr;
        g_variant_get_child(entry, 0, "&s", &key);
        const GVariantPtr boxed(g_variant_get_child_value(entry, 1));
        out.insert_or_assign(key, GVariantPtr(g_variant_get_variant(boxed.get())));
    }
    return true;
}

bool is_list(GVariant* value) {
    return g_variant_is_of_type(value, G_VARIANT_TYPE_BYTESTRING_ARRAY) != FALSE;
}

// The elements of `theirs`, then those of `ours` that are not among them.
GVariantPtr united(GVariant* theirs, GVariant* ours) {
    std::set<std::string> known;
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE_BYTESTRING_ARRAY);
    for (GVariant* list : {theirs, ours}) {
        for (gsize i = 0; i < g_variant_n_children(list); ++i) {
            const GVariantPtr element(g_variant_get_child_value(list, i));
            if (!known.emplace(as_text(view_byte_array(element.get()))).second) continue;
            g_variant_builder_add_value(&builder, element.get());
        }
    }
    return take(g_variant_builder_end(&builder));
}

}  // namespace

std::string merge_detached_metadata(std::string_view theirs, std::string_view ours) {
    if (ours.empty()) return std::string(theirs);
    Values values;
    Values added;
    if (!parse(ours, added)) throw Error(ErrorKind::invalid, "malformed detached metadata of a commit");
    if (theirs.empty() || !parse(theirs, values)) return std::string(ours);
    bool changed = false;
    for (auto& [key, value] : added) {
        GVariantPtr& present = values[key];
        GVariantPtr merged;
        if (present && is_list(present.get()) && is_list(value.get())) {
            merged = united(present.get(), value.get());
        } else {
            merged = std::move(value);
        }
        if (present && g_variant_equal(present.get(), merged.get()) != FALSE) continue;
        present = std::move(merged);
        changed = true;
    }
    if (!changed) return std::string(theirs);
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    for (const auto& [key, value] : values) g_variant_builder_add(&builder, "{sv}", key.c_str(), value.get());
    const GVariantPtr out = take(g_variant_builder_end(&builder));
    return std::string(as_text(bytes_of(out.get())));
}

}  // namespace osb::ostree
