"""Stacks of any size: one kernel or many, plane by plane or block by block, here or on a cluster, in runs that can be resumed.

``source`` opens what is to be worked on wherever that is, ``sharing`` says which planes share a kernel, ``job`` is everything that a task
needs to know, ``units`` what it is to do, ``work`` does it, ``journal`` remembers what was done, ``targets`` hold the upscaled pixels,
``engines`` run tasks here or elsewhere, ``results`` tell what came out, and ``run`` goes through all of it.
"""
