// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Tells the name of one BPF program of the host by its id. The syscall for that wants
 * CAP_SYS_ADMIN; an iterator over all programs wants no more than the daemon has.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <linux/types.h>

/* Of the kernel's own types what is needed; where it is, the kernel's type information says. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_prog_aux {
	__u32 id;
	char name[16];
};

struct bpf_prog {
	struct bpf_prog_aux *aux;
};

struct bpf_iter__bpf_prog {
	struct bpf_iter_meta *meta;
	struct bpf_prog *prog;
};

#pragma clang attribute pop

const volatile __u32 wanted_id = 0;

SEC("iter/bpf_prog")
int program_name(struct bpf_iter__bpf_prog *context)
{
	struct bpf_prog *prog = context->prog;
	struct bpf_prog_aux *aux;
	char name[16];

	if (!prog)
		return 0;
	aux = prog->aux;
	if (aux->id != wanted_id)
		return 0;
	bpf_probe_read_kernel(name, sizeof(name), aux->name);
	bpf_seq_write(context->meta->seq, name, sizeof(name));
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
