/* SPDX-License-Identifier: MIT */
#include "json/splice.h"

static void
copy(struct splice *s, size_t to)
{
	if (!s->full && !buf_add(s->out, s->text + s->copied, to - s->copied))
		s->full = true;
	s->copied = to;
}

void
splice_cut(struct splice *s, size_t from, size_t to)
{
	copy(s, from);
	s->copied = to;
	s->changed = true;
}

void
splice_insert(struct splice *s, size_t at, const void *bytes, size_t n)
{
	copy(s, at);
	if (!s->full && !buf_add(s->out, bytes, n))
		s->full = true;
	s->changed = true;
}

bool
splice_end(struct splice *s, size_t len)
{
	copy(s, len);
	return !s->full;
}

struct splice_mark
splice_here(const struct splice *s)
{
	return (struct splice_mark){s->out->len, s->copied, s->changed};
}

void
splice_back(struct splice *s, struct splice_mark mark)
{
	s->out->len = mark.out_len;
	if (s->out->data != NULL)
		s->out->data[mark.out_len] = '\0';
	s->copied = mark.copied;
	s->changed = mark.changed;
}

void
splice_item(struct splice *s, struct splice_list *list, size_t at)
{
	if (list->cutting)
		splice_cut(s, list->from, at);
	list->cutting = false;
	list->count++;
}

void
splice_item_end(struct splice *s, struct splice_list *list, size_t at, size_t end, bool keep)
{
	if (keep) {
		list->kept = true;
	} else if (list->kept) {
		splice_cut(s, list->end, end); /* the comma before it goes too */
	} else {
		list->cutting = true;
		list->from = at;
	}
	list->end = end;
}

bool
splice_list_end(struct splice *s, struct splice_list *list)
{
	if (list->cutting)
		splice_cut(s, list->from, list->end);
	list->cutting = false;
	return list->count > 0 && !list->kept;
}
