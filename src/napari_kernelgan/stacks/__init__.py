"""Stacks of any size: one kernel or many, plane by plane or block by block, here or on a cluster, in runs that can be resumed.

``source`` opens what is to be worked on wherever that is, ``sharing`` says which planes share a kernel, ``units`` what a task works on, and
``job`` is everything else that it needs to know. ``find``, ``learn`` and ``apply`` are the tasks: kernels and levels, networks, pixels.
``journal`` remembers what was done, ``targets`` hold the upscaled pixels, ``engines`` run tasks here or elsewhere (``local``: in workers on
this machine). ``options`` and ``outputs`` are what is asked for, ``begin`` checks it, ``forecast`` tells what it will take, ``run`` goes
through it, ``finish`` writes the files, and ``results`` tell what came out.
"""
